/** The one channel on which the instances tell each other what has changed. */
export const channel = 'gatelatch';
