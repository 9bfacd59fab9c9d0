/** The channel on which the instances notify each other. */
export const channel = 'gatelatch';
