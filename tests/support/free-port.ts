// @ts-expect-error It is plain JavaScript.
import { freePort as plain } from '../../deploy/topology/programs.mjs';

/** A free port, for a program that must be told one. */
export const freePort: () => Promise<number> = plain;
