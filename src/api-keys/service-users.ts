import { AppError } from '../errors.js';
import { kindOf, type User } from '../users/users.js';

/** @throws AppError not_a_service_user */
export function requireServiceUser(user: Pick<User, 'kind'>): void {
  if (kindOf(user) !== 'service') throw new AppError('not_a_service_user');
}
