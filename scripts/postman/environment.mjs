import { idOf } from './ids.mjs';

const shown = (key, value = '') => ({ key, value, type: 'default', enabled: true });
const secret = (key, value = '') => ({ key, value, type: 'secret', enabled: true });

/** Values for the requests. An empty one is filled by a response. */
export const environment = {
  id: idOf('environment'),
  name: 'Gatelatch',
  values: [
    shown('baseUrl', 'http://localhost:3000'),
    shown('username'),
    secret('password'),
    secret('access_token'),
    shown('access_token_expires_at'),
    secret('refresh_token'),
    secret('device_token'),
    secret('api_key'),
    secret('client_token'),
    secret('service_key'),
    shown('session_id'),
    shown('user_id'),
    shown('admin_username', 'chief'),
    // From the README's example; no real server has it.
    secret('admin_password', 'somebody has to do it'),
  ],
  _postman_variable_scope: 'environment',
};
