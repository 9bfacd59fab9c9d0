import { v5 as uuidv5 } from 'uuid';

const namespace = '7d0a4f35-6c0e-4f0b-9c55-3a1f2b7d9e64';

/** The same each time, so that a new import replaces the old one. */
export const idOf = (name) => uuidv5(name, namespace);
