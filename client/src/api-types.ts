// Made from the OpenAPI document by `npm run client:types`; not to be edited.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @example {
         *       "username": "ada",
         *       "password": "nine geese over a quiet lake",
         *       "email": "ada@example.com"
         *     }
         */
        SignUpBody: {
            /** @example ada */
            username: string;
            password: string;
            /** @example ada@example.com */
            email?: string;
            /**
             * @default bearer
             * @enum {string}
             */
            transport: "bearer" | "cookie";
            /**
             * @description What the widget of a captcha gave, for servers whose operator asks for one.
             * @example 0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p.d62306d4ee00
             */
            captcha_token?: string;
            /**
             * @description The token of an invitation. The e-mail is the invitation’s; tokens come at once, whatever `SIGNUP` says.
             * @example rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo
             */
            invitation?: string;
        };
        /**
         * @example {
         *       "username": "ada",
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        LogInBody: {
            /** @description A username or an e-mail address. */
            username: string;
            password: string;
            /**
             * @description Six digits of an authenticator app, or a recovery code; spaces do not matter.
             * @example 287082
             */
            code?: string;
            /** @description Whether this device is not to be asked for the second factor again, for `TRUSTED_DEVICE_TTL`. */
            remember_device?: boolean;
            /**
             * @default bearer
             * @enum {string}
             */
            transport: "bearer" | "cookie";
            /**
             * @description From an earlier login, unless a cookie has it.
             * @example 3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE
             */
            device_token?: string;
            /**
             * @description What the widget of a captcha gave, for servers whose operator asks for one.
             * @example 0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p.d62306d4ee00
             */
            captcha_token?: string;
        };
        /**
         * @example {
         *       "login_token": "rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo",
         *       "code": "287082"
         *     }
         */
        SecondFactorBody: {
            login_token: string;
            /**
             * @description Six digits of an authenticator app, or a recovery code; spaces do not matter.
             * @example 287082
             */
            code?: string;
            /**
             * @description What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.get`.
             * @example {
             *       "id": "Yk3vJ8xq0ZtLw2sDfGhN5A"
             *     }
             */
            passkey?: {
                [key: string]: unknown;
            };
            /** @description Whether this device is not to be asked for the second factor again, for `TRUSTED_DEVICE_TTL`. */
            remember_device?: boolean;
            /**
             * @default bearer
             * @enum {string}
             */
            transport: "bearer" | "cookie";
            /**
             * @description From an earlier login, unless a cookie has it.
             * @example 3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE
             */
            device_token?: string;
        };
        /**
         * @example {
         *       "password": "nine geese over a quiet lake",
         *       "code": "287082"
         *     }
         */
        ReauthenticateBody: {
            password?: string;
            /**
             * @description With the password, where the second factor is on; also where it is off, that of an authenticator app counts.
             * @example 287082
             */
            code?: string;
            /**
             * @description What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.get`.
             * @example {
             *       "id": "Yk3vJ8xq0ZtLw2sDfGhN5A"
             *     }
             */
            passkey?: {
                [key: string]: unknown;
            };
            /**
             * @description From an earlier login, unless a cookie has it.
             * @example 3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE
             */
            device_token?: string;
        };
        /**
         * @example {
         *       "refresh_token": "AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA"
         *     }
         */
        RefreshBody: {
            /** @description Instead of its cookie. */
            refresh_token?: string;
            /**
             * @description It must be the one that the token came by.
             * @enum {string}
             */
            transport?: "bearer" | "cookie";
        };
        /** @example {} */
        LogOutBody: {
            /**
             * @description Instead of an access token, or of its cookie.
             * @example AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA
             */
            refresh_token?: string;
        };
        /**
         * @example {
         *       "email": "ada@example.com"
         *     }
         */
        ForgotPasswordBody: {
            /** @example ada@example.com */
            email: string;
            /**
             * @description What the widget of a captcha gave, for servers whose operator asks for one.
             * @example 0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p.d62306d4ee00
             */
            captcha_token?: string;
        };
        /**
         * @example {
         *       "token": "rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo",
         *       "password": "a moth between two relays"
         *     }
         */
        ResetPasswordBody: {
            token: string;
            password: string;
            /** @description Whether your API keys end, too. By default they stay as they are. */
            end_api_keys?: boolean;
        };
        /**
         * @example {
         *       "token": "rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo"
         *     }
         */
        VerifyEmailBody: {
            token: string;
            /**
             * @description Needed if someone else signed up with the same address: a 422 then says whose password.
             * @example nine geese over a quiet lake
             */
            password?: string;
        };
        /**
         * @example {
         *       "email": "ada@example.com"
         *     }
         */
        ResendVerificationBody: {
            /**
             * @description Needed without an access token.
             * @example ada@example.com
             */
            email?: string;
            /**
             * @description Whose link, if several signed up with the address.
             * @example ada
             */
            username?: string;
        };
        /**
         * @example {
         *       "email": "ada@example.org",
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        UpdateMeBody: {
            /** @example ada */
            username?: string;
            /** @example ada@example.com */
            email?: string;
            /** @description Needed to change the e-mail, where there is one. */
            password?: string;
        };
        /**
         * @example {
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        DeleteMeBody: {
            /** @description Needed where there is one. */
            password?: string;
        };
        /**
         * @example {
         *       "current_password": "nine geese over a quiet lake",
         *       "new_password": "a moth between two relays"
         *     }
         */
        ChangePasswordBody: {
            /** @description Needed where there is one. */
            current_password?: string;
            new_password: string;
            /** @description Whether your API keys end, too. By default they stay as they are. */
            end_api_keys?: boolean;
        };
        /**
         * @example {
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        ProofBody: {
            /** @description Needed unless you have just signed in with two factors, or have no password. */
            password?: string;
        };
        /**
         * @example {
         *       "passkey": {
         *         "id": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *         "rawId": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *         "type": "public-key",
         *         "response": {
         *           "clientDataJSON": "eyJ0eXBlIjoi",
         *           "authenticatorData": "SZYN5YgO",
         *           "signature": "MEUCIQDx",
         *           "userHandle": "AaIDn2bo"
         *         }
         *       }
         *     }
         */
        LogInWithPasskeyBody: {
            passkey: components["schemas"]["PasskeyAssertion"];
            /**
             * @default bearer
             * @enum {string}
             */
            transport: "bearer" | "cookie";
            /**
             * @description From an earlier login, unless a cookie has it.
             * @example 3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE
             */
            device_token?: string;
        };
        /** @description What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.get`. */
        PasskeyAssertion: {
            id: string;
            rawId: string;
            /** @constant */
            type: "public-key";
            response: {
                clientDataJSON: string;
                authenticatorData: string;
                signature: string;
                userHandle?: string | null;
            } & {
                [key: string]: unknown;
            };
        } & {
            [key: string]: unknown;
        };
        /**
         * @example {
         *       "passkey": {
         *         "id": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *         "rawId": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *         "type": "public-key",
         *         "response": {
         *           "clientDataJSON": "eyJ0eXBlIjoi",
         *           "attestationObject": "o2NmbXRk",
         *           "transports": [
         *             "internal"
         *           ]
         *         }
         *       },
         *       "name": "Ada’s laptop"
         *     }
         */
        AddPasskeyBody: {
            passkey: components["schemas"]["PasskeyEnrolment"];
            /** @example Ada’s laptop */
            name?: string;
        };
        /** @description What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.create`. */
        PasskeyEnrolment: {
            id: string;
            rawId: string;
            /** @constant */
            type: "public-key";
            response: {
                clientDataJSON: string;
                attestationObject: string;
                /** @default [] */
                transports: string[];
            } & {
                [key: string]: unknown;
            };
        } & {
            [key: string]: unknown;
        };
        /**
         * @example {
         *       "name": "Ada’s laptop"
         *     }
         */
        RenamePasskeyBody: {
            /** @example Ada’s laptop */
            name: string;
        };
        /**
         * @example {
         *       "provider": "google",
         *       "redirect_uri": "https://app.example/callback",
         *       "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
         *       "state": "af0ifjsldkj"
         *     }
         */
        BeginExternalBody: {
            provider: string;
            /** @description One of `REDIRECT_URIS`. */
            redirect_uri: string;
            /** @description RFC 7636, S256. */
            code_challenge: string;
            /** @description It comes back unchanged: drop an answer without yours. */
            state?: string;
            /**
             * @example login
             * @enum {string}
             */
            prompt?: "login" | "select_account";
            /** @example ada@gmail.com */
            login_hint?: string;
        };
        /**
         * @example {
         *       "code": "rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo",
         *       "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
         *     }
         */
        ExternalTokenBody: {
            /** @example rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo */
            code: string;
            /** @example dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk */
            code_verifier: string;
            /**
             * @description For a new user; else one is made up.
             * @example ada
             */
            username?: string;
            /**
             * @default bearer
             * @enum {string}
             */
            transport: "bearer" | "cookie";
            /**
             * @description From an earlier login, unless a cookie has it.
             * @example 3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE
             */
            device_token?: string;
        };
        /**
         * @example {
         *       "link_token": "rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo",
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        LinkIdentityBody: {
            /** @example rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo */
            code?: string;
            /** @example dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk */
            code_verifier?: string;
            /** @example rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo */
            link_token?: string;
            /** @description Needed unless you have just signed in with two factors, or have no password. */
            password?: string;
        };
        /**
         * @example {
         *       "second_factor": "any",
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        ChangeSignInMethodsBody: {
            /**
             * @description `any`: a code or a passkey is asked for besides the first factor. `passkey`: only a passkey will do.
             * @enum {string}
             */
            second_factor: "off" | "any" | "passkey";
            /** @description Needed unless you have just signed in with two factors, or have no password. */
            password?: string;
        };
        /**
         * @example {
         *       "name": "Ada’s phone",
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        EnrolTotpBody: {
            /** @example Ada’s phone */
            name?: string;
            /** @description Needed unless you have just signed in with two factors, or have no password. */
            password?: string;
        };
        /**
         * @example {
         *       "code": "287 082"
         *     }
         */
        ConfirmTotpBody: {
            /** @description Six digits; spaces do not matter. */
            code: string;
        };
        /**
         * @example {
         *       "name": "Ada’s phone"
         *     }
         */
        RenameTotpBody: {
            /** @example Ada’s phone */
            name: string;
        };
        /**
         * @example {
         *       "name": "Nightly backup",
         *       "scopes": [
         *         "todos:read"
         *       ],
         *       "password": "nine geese over a quiet lake"
         *     }
         */
        MakeApiKeyBody: {
            /** @example Nightly backup */
            name: string;
            /**
             * @example [
             *       "todos:read"
             *     ]
             */
            scopes: ("audit:read" | "profile:read" | "service-users:write" | "todos:read" | "todos:write" | "tokens:introspect" | "users:read" | "users:write" | "webhooks:write")[];
            /**
             * @description In seconds; by default `API_KEY_TTL`, at most `API_KEY_MAX_AGE`. `null` is without an end, where that is `off`.
             * @example 7776000
             */
            expires_in?: number | null;
            /** @description Needed unless you have just signed in with two factors, or have no password. */
            password?: string;
        };
        /**
         * @example {
         *       "title": "Read the route table"
         *     }
         */
        CreateTodoBody: {
            /** @example Read the route table */
            title: string;
            /** @default false */
            completed: boolean;
        };
        /**
         * @example {
         *       "completed": true
         *     }
         */
        UpdateTodoBody: {
            /** @example Read the route table */
            title?: string;
            completed?: boolean;
        };
        /**
         * @example {
         *       "kind": "service",
         *       "username": "nightly-report",
         *       "roles": [
         *         "editor"
         *       ]
         *     }
         */
        CreateServiceUserBody: {
            /** @constant */
            kind: "service";
            /** @example ada */
            username: string;
            /**
             * @default []
             * @example [
             *       "editor"
             *     ]
             */
            roles: string[];
        };
        /**
         * @example {
         *       "roles": [
         *         "editor"
         *       ]
         *     }
         */
        UpdateUserBody: {
            /**
             * @example [
             *       "editor"
             *     ]
             */
            roles?: string[];
            disabled?: boolean;
        };
        /**
         * @example {
         *       "name": "Nightly backup",
         *       "scopes": [
         *         "todos:read"
         *       ]
         *     }
         */
        MakeUserApiKeyBody: {
            /** @example Nightly backup */
            name: string;
            /**
             * @example [
             *       "todos:read"
             *     ]
             */
            scopes: ("audit:read" | "profile:read" | "service-users:write" | "todos:read" | "todos:write" | "tokens:introspect" | "users:read" | "users:write" | "webhooks:write")[];
            /**
             * @description In seconds; by default `API_KEY_TTL`, at most `API_KEY_MAX_AGE`. `null` is without an end, where that is `off`.
             * @example 7776000
             */
            expires_in?: number | null;
        };
        /**
         * @example {
         *       "email": "ada@example.com",
         *       "roles": [
         *         "editor"
         *       ]
         *     }
         */
        InviteBody: {
            /** @example ada@example.com */
            email: string;
            /**
             * @default []
             * @example [
             *       "editor"
             *     ]
             */
            roles: string[];
        };
        /**
         * @example {
         *       "url": "https://shop.example.com/hooks/gatelatch",
         *       "events": [
         *         "user.created",
         *         "user.deleted"
         *       ]
         *     }
         */
        CreateWebhookBody: {
            /** @example https://shop.example.com/hooks/gatelatch */
            url: string;
            /**
             * @example [
             *       "user.created",
             *       "user.deleted"
             *     ]
             */
            events: ("user.created" | "user.deleted" | "user.disabled" | "user.enabled" | "username.changed" | "email.changed" | "email.verified" | "roles.changed" | "password.changed" | "password.reset" | "login.succeeded" | "session.ended" | "refresh.reused" | "api_key.created" | "api_key.revoked" | "invitation.created" | "invitation.accepted" | "webhook.ping" | "*")[];
            /**
             * @default
             * @example The shop
             */
            description: string;
        };
        /**
         * @example {
         *       "enabled": true
         *     }
         */
        ChangeWebhookBody: {
            /** @example https://shop.example.com/hooks/gatelatch */
            url?: string;
            /**
             * @example [
             *       "user.created",
             *       "user.deleted"
             *     ]
             */
            events?: ("user.created" | "user.deleted" | "user.disabled" | "user.enabled" | "username.changed" | "email.changed" | "email.verified" | "roles.changed" | "password.changed" | "password.reset" | "login.succeeded" | "session.ended" | "refresh.reused" | "api_key.created" | "api_key.revoked" | "invitation.created" | "invitation.accepted" | "webhook.ping" | "*")[];
            /** @example The shop */
            description?: string;
            enabled?: boolean;
        };
        /**
         * @example {
         *       "since": "2026-11-22T00:00:00Z"
         *     }
         */
        ReplayBody: {
            /** Format: date-time */
            since: string;
            /**
             * Format: date-time
             * @description Until now, if it is left out.
             * @example 2026-11-23T00:00:00Z
             */
            until?: string;
            /**
             * @description Only these, of those that it wants.
             * @example [
             *       "user.created",
             *       "user.deleted"
             *     ]
             */
            events?: ("user.created" | "user.deleted" | "user.disabled" | "user.enabled" | "username.changed" | "email.changed" | "email.verified" | "roles.changed" | "password.changed" | "password.reset" | "login.succeeded" | "session.ended" | "refresh.reused" | "api_key.created" | "api_key.revoked" | "invitation.created" | "invitation.accepted" | "webhook.ping" | "*")[];
        };
        /**
         * @example {
         *       "grant_type": "client_credentials",
         *       "scope": "todos:read"
         *     }
         */
        ClientTokenBody: {
            /** @description `client_credentials`. */
            grant_type: string;
            /**
             * @description Permissions with spaces between; else all that the key may.
             * @example todos:read
             */
            scope?: string;
            /**
             * @description `JWT_AUDIENCE`, as `audience`.
             * @example gatelatch
             */
            resource?: string;
            /**
             * @description `JWT_AUDIENCE`.
             * @example gatelatch
             */
            audience?: string;
            /**
             * @description The id of the key’s owner.
             * @example 01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10
             */
            client_id?: string;
            /**
             * @description The API key.
             * @example glk_…
             */
            client_secret?: string;
        };
        /**
         * @example {
         *       "token": "eyJhbGciOiJFUzI1NiJ9…"
         *     }
         */
        IntrospectBody: {
            /** @description An access token or an API key. */
            token: string;
            /**
             * @description Ignored.
             * @example access_token
             */
            token_type_hint?: string;
        };
        /**
         * @example {
         *       "token": "eyJhbGciOiJFUzI1NiJ9…"
         *     }
         */
        RevokeBody: {
            /** @description An access token or an API key. */
            token: string;
            /**
             * @description Ignored.
             * @example access_token
             */
            token_type_hint?: string;
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "kind": "person",
         *       "username": "ada",
         *       "email": "ada@example.com",
         *       "email_verified": true,
         *       "roles": [
         *         "editor"
         *       ],
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "updated_at": "2026-11-22T14:18:48.360Z",
         *       "disabled": false,
         *       "last_login_at": "2026-11-22T14:18:48.360Z"
         *     }
         */
        AdminUser: {
            /** Format: uuid */
            id: string;
            /**
             * @description A service user is a machine: it has API keys and no sessions.
             * @enum {string}
             */
            kind: "person" | "service";
            username: string;
            email: string | null;
            email_verified: boolean;
            roles: string[];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            disabled: boolean;
            last_login_at: string | null;
        };
        /**
         * @description RFC 6749 §5.1. With the transport `cookie`, the three tokens are in cookies instead.
         * @example {
         *       "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl",
         *       "refresh_token": "AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA",
         *       "device_token": "3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE",
         *       "token_type": "Bearer",
         *       "expires_in": 900,
         *       "refresh_expires_in": 2592000,
         *       "scope": "profile:read todos:read todos:write",
         *       "session_id": "01a203b2-0d47-7f06-8a35-9e1d6b7c4f52",
         *       "acr": "aal1",
         *       "amr": [
         *         "pwd"
         *       ],
         *       "auth_time": "2026-11-22T14:18:48.360Z",
         *       "user": {
         *         "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *         "kind": "person",
         *         "username": "ada",
         *         "email": "ada@example.com",
         *         "email_verified": true,
         *         "roles": [
         *           "editor"
         *         ],
         *         "created_at": "2026-11-22T14:18:48.360Z",
         *         "updated_at": "2026-11-22T14:18:48.360Z"
         *       }
         *     }
         */
        TokenResponse: {
            /** @description A JWT. Not with the transport `cookie`. */
            access_token?: string;
            /** @constant */
            token_type: "Bearer";
            /** @description Lifetime of the access token, in seconds. */
            expires_in: number;
            /** @description Good for one use. Not with the transport `cookie`. */
            refresh_token?: string;
            /** @description Lifetime of the refresh token, in seconds. */
            refresh_expires_in: number;
            /** @description What the access token may, by the roles (RFC 6749 §5.1). */
            scope: string;
            /** Format: uuid */
            session_id: string;
            /**
             * @description How strong the sign-in was, weakest first.
             * @enum {string}
             */
            acr: "aal1" | "aal2" | "phr";
            /** @description How the user proved who they are (RFC 8176). */
            amr: string[];
            /**
             * Format: date-time
             * @description When that was: the latest full sign-in or step-up.
             */
            auth_time: string;
            /** @description Send it with the next login. Not after a refresh, and not with the transport `cookie`. */
            device_token?: string;
            /** @description Only after a sign-in with a recovery code. */
            recovery_codes_left?: number;
            user: components["schemas"]["User"];
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "kind": "person",
         *       "username": "ada",
         *       "email": "ada@example.com",
         *       "email_verified": true,
         *       "roles": [
         *         "editor"
         *       ],
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "updated_at": "2026-11-22T14:18:48.360Z"
         *     }
         */
        User: {
            /** Format: uuid */
            id: string;
            /**
             * @description A service user is a machine: it has API keys and no sessions.
             * @enum {string}
             */
            kind: "person" | "service";
            username: string;
            email: string | null;
            email_verified: boolean;
            roles: string[];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        /** @description With `SIGNUP=verified`: no tokens until the mailed link is opened. */
        PendingSignUp: {
            user: components["schemas"]["User"];
            /** @constant */
            status: "verification_sent";
        };
        /**
         * @description Where the access token came by cookie, the new one is in that cookie instead.
         * @example {
         *       "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl",
         *       "token_type": "Bearer",
         *       "expires_in": 900,
         *       "scope": "profile:read todos:read todos:write",
         *       "session_id": "01a203b2-0d47-7f06-8a35-9e1d6b7c4f52",
         *       "acr": "aal2",
         *       "amr": [
         *         "pwd",
         *         "otp",
         *         "mfa"
         *       ],
         *       "auth_time": "2026-11-22T14:18:48.360Z",
         *       "user": {
         *         "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *         "kind": "person",
         *         "username": "ada",
         *         "email": "ada@example.com",
         *         "email_verified": true,
         *         "roles": [
         *           "editor"
         *         ],
         *         "created_at": "2026-11-22T14:18:48.360Z",
         *         "updated_at": "2026-11-22T14:18:48.360Z"
         *       }
         *     }
         */
        SteppedUp: {
            /** @description A JWT. Not with the transport `cookie`. */
            access_token?: string;
            /** @constant */
            token_type: "Bearer";
            /** @description Lifetime of the access token, in seconds. */
            expires_in: number;
            /** @description What the access token may, by the roles (RFC 6749 §5.1). */
            scope: string;
            /** Format: uuid */
            session_id: string;
            user: components["schemas"]["User"];
            /**
             * @description How strong the sign-in was, weakest first.
             * @enum {string}
             */
            acr: "aal1" | "aal2" | "phr";
            /** @description How the user proved who they are (RFC 8176). */
            amr: string[];
            /**
             * Format: date-time
             * @description When that was: the latest full sign-in or step-up.
             */
            auth_time: string;
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a203b2-0d47-7f06-8a35-9e1d6b7c4f52",
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "last_used_at": "2026-11-22T14:33:02.118Z",
         *           "expires_at": "2026-12-22T14:33:02.118Z",
         *           "acr": "aal1",
         *           "amr": [
         *             "pwd"
         *           ],
         *           "auth_time": "2026-11-22T14:18:48.360Z",
         *           "ip": "192.0.2.7",
         *           "user_agent": "Mozilla/5.0",
         *           "current": true
         *         }
         *       ]
         *     }
         */
        SessionList: {
            data: components["schemas"]["Session"][];
        };
        /**
         * @example {
         *       "id": "01a203b2-0d47-7f06-8a35-9e1d6b7c4f52",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": "2026-11-22T14:33:02.118Z",
         *       "expires_at": "2026-12-22T14:33:02.118Z",
         *       "acr": "aal1",
         *       "amr": [
         *         "pwd"
         *       ],
         *       "auth_time": "2026-11-22T14:18:48.360Z",
         *       "ip": "192.0.2.7",
         *       "user_agent": "Mozilla/5.0",
         *       "current": true
         *     }
         */
        Session: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description When its refresh token was last used.
             */
            last_used_at: string;
            /**
             * Format: date-time
             * @description When it ends without a refresh.
             */
            expires_at: string;
            /**
             * @description How strong the sign-in was, weakest first.
             * @enum {string}
             */
            acr: "aal1" | "aal2" | "phr";
            /** @description How the user proved who they are (RFC 8176). */
            amr: string[];
            /**
             * Format: date-time
             * @description When that was: the latest full sign-in or step-up.
             */
            auth_time: string;
            ip: string | null;
            user_agent: string | null;
            /** @description Whether it is the session of this request. */
            current: boolean;
        };
        UserExport: {
            user: {
                /** Format: uuid */
                id: string;
                /**
                 * @description A service user is a machine: it has API keys and no sessions.
                 * @enum {string}
                 */
                kind: "person" | "service";
                username: string;
                email: string | null;
                email_verified: boolean;
                roles: string[];
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                updated_at: string;
                pending_email: string | null;
                password: boolean;
                second_factor: string;
                disabled: boolean;
                version: number;
                last_login_at: string | null;
            };
            sessions: {
                /** Format: uuid */
                id: string;
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                last_used_at: string;
                refreshes: number;
                amr: string[];
                acr: string;
                /** Format: date-time */
                auth_time: string;
                ended_at: string | null;
                end_reason: string | null;
                ip: string | null;
                user_agent: string | null;
            }[];
            api_keys: {
                /** Format: uuid */
                id: string;
                name: string;
                start: string;
                scopes: string[];
                /** Format: date-time */
                created_at: string;
                created_by: string | null;
                expires_at: string | null;
                last_used_at: string | null;
                revoked_at: string | null;
            }[];
            totp: {
                /** Format: uuid */
                id: string;
                name: string;
                /** Format: date-time */
                created_at: string;
                confirmed_at: string | null;
                last_used_at: string | null;
            }[];
            passkeys: {
                /** Format: uuid */
                id: string;
                name: string;
                rp_id: string;
                synced: boolean;
                /** Format: date-time */
                created_at: string;
                last_used_at: string | null;
            }[];
            identities: {
                /** Format: uuid */
                id: string;
                provider: string;
                issuer: string;
                subject: string;
                email: string | null;
                name: string | null;
                /** Format: date-time */
                created_at: string;
                last_used_at: string | null;
            }[];
            recovery_codes: {
                /** Format: date-time */
                created_at: string;
            }[];
            trusted_devices: {
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                expires_at: string;
                ip: string | null;
                user_agent: string | null;
            }[];
            login_attempts: {
                amr: string[];
                tries: number;
                /** Format: date-time */
                expires_at: string;
            }[];
            todos: components["schemas"]["Todo"][];
            mails: {
                /** Format: uuid */
                id: string;
                purpose: string;
                recipient: string;
                /** Format: date-time */
                created_at: string;
                sent_at: string | null;
                detail: unknown;
            }[];
            mailed_tokens: {
                purpose: string;
                email: string;
                /** Format: date-time */
                expires_at: string;
            }[];
            invitations: components["schemas"]["Invitation"][];
            audit: {
                /** Format: uuid */
                id: string;
                /** Format: date-time */
                at: string;
                action: string;
                /** @description You; null if you did it to somebody else. */
                user_id: string | null;
                /** @description You; null if it was somebody else, or may have been. */
                actor_id: string | null;
                ip: string | null;
                user_agent: string | null;
                detail: unknown;
            }[];
        };
        /**
         * @example {
         *       "id": "01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10",
         *       "title": "Read the route table",
         *       "completed": false,
         *       "created_at": "2026-11-22T14:20:03.870Z",
         *       "updated_at": "2026-11-22T14:20:03.870Z"
         *     }
         */
        Todo: {
            /** Format: uuid */
            id: string;
            title: string;
            completed: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "email": "ada@example.com",
         *       "roles": [
         *         "editor"
         *       ],
         *       "invited_by": "01a2039e-0d1f-7a9b-8c3e-5f2b7d9a1c64",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "expires_at": "2026-11-29T14:18:48.360Z"
         *     }
         */
        Invitation: {
            /** Format: uuid */
            id: string;
            email: string;
            roles: string[];
            /** @description The inviter’s user id; null for the operator. */
            invited_by: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
        };
        /**
         * @description `options` is what `PublicKeyCredential.parseRequestOptionsFromJSON` takes.
         * @example {
         *       "options": {
         *         "challenge": "2vGq0c1tPzL8aRkBn4Yd7Q",
         *         "rpId": "example.com",
         *         "timeout": 600000,
         *         "userVerification": "required"
         *       },
         *       "expires_in": 600
         *     }
         */
        PasskeyOptions: {
            options: {
                challenge: string;
                rpId: string;
                /** @description In milliseconds. */
                timeout: number;
                /** @constant */
                userVerification: "required";
            };
            /** @description In seconds. A page that waits longer asks again. */
            expires_in: number;
        };
        /**
         * @description `options` is what `PublicKeyCredential.parseCreationOptionsFromJSON` takes.
         * @example {
         *       "options": {
         *         "challenge": "2vGq0c1tPzL8aRkBn4Yd7Q",
         *         "rp": {
         *           "id": "example.com",
         *           "name": "example.com"
         *         },
         *         "user": {
         *           "id": "AaIDn2bo",
         *           "name": "ada",
         *           "displayName": "ada"
         *         },
         *         "pubKeyCredParams": [
         *           {
         *             "type": "public-key",
         *             "alg": -7
         *           }
         *         ],
         *         "timeout": 600000,
         *         "attestation": "none",
         *         "authenticatorSelection": {
         *           "residentKey": "required",
         *           "requireResidentKey": true,
         *           "userVerification": "required"
         *         },
         *         "excludeCredentials": []
         *       },
         *       "expires_in": 600
         *     }
         */
        PasskeyCreationOptions: {
            options: {
                challenge: string;
                rp: {
                    id: string;
                    name: string;
                };
                user: {
                    id: string;
                    name: string;
                    displayName: string;
                };
                pubKeyCredParams: {
                    /** @constant */
                    type: "public-key";
                    alg: number;
                }[];
                /** @description In milliseconds. */
                timeout: number;
                /** @constant */
                attestation: "none";
                authenticatorSelection: {
                    /** @constant */
                    residentKey: "required";
                    /** @constant */
                    requireResidentKey: true;
                    /** @constant */
                    userVerification: "required";
                };
                excludeCredentials: {
                    /** @constant */
                    type: "public-key";
                    id: string;
                    transports: string[];
                }[];
            };
            /** @description In seconds. */
            expires_in: number;
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "name": "Ada’s laptop",
         *       "credential_id": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *       "synced": true,
         *       "aaguid": "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
         *       "rp_id": "example.com",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": null
         *     }
         */
        AddedPasskey: {
            /** Format: uuid */
            id: string;
            name: string;
            /** @description For `signalAllAcceptedCredentials`. */
            credential_id: string;
            /** @description Whether other devices may have it, too. */
            synced: boolean;
            /** @description The model of its authenticator, as that one says. */
            aaguid: string | null;
            rp_id: string;
            /** Format: date-time */
            created_at: string;
            last_used_at: string | null;
            /**
             * @description Each is good once. They are told this once.
             * @example [
             *       "7PX4-KD2M-Q9TB-0V3H-WZ6R-8CNF"
             *     ]
             */
            recovery_codes?: string[];
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "name": "Ada’s laptop",
         *       "credential_id": "Yk3vJ8xq0ZtLw2sDfGhN5A",
         *       "synced": true,
         *       "aaguid": "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
         *       "rp_id": "example.com",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": null
         *     }
         */
        Passkey: {
            /** Format: uuid */
            id: string;
            name: string;
            /** @description For `signalAllAcceptedCredentials`. */
            credential_id: string;
            /** @description Whether other devices may have it, too. */
            synced: boolean;
            /** @description The model of its authenticator, as that one says. */
            aaguid: string | null;
            rp_id: string;
            /** Format: date-time */
            created_at: string;
            last_used_at: string | null;
        };
        /**
         * @example {
         *       "webcredentials": {
         *         "apps": [
         *           "ABCDE12345.com.example.app"
         *         ]
         *       }
         *     }
         */
        AppleAppSiteAssociation: {
            webcredentials: {
                apps: string[];
            };
        };
        /** @example [] */
        AssetLinks: {
            relation: string[];
            target: {
                namespace: string;
                package_name: string;
                sha256_cert_fingerprints: string[];
            };
        }[];
        /**
         * @example {
         *       "origins": [
         *         "https://example.de"
         *       ]
         *     }
         */
        RelatedOrigins: {
            origins: string[];
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "name": "google",
         *           "label": "Google"
         *         }
         *       ]
         *     }
         */
        Providers: {
            data: {
                name: string;
                label: string;
            }[];
        };
        /**
         * @example {
         *       "url": "https://accounts.google.com/o/oauth2/v2/auth?…",
         *       "expires_in": 600
         *     }
         */
        BegunExternal: {
            url: string;
            /** @description In seconds. */
            expires_in: number;
        };
        /**
         * @example {
         *       "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl",
         *       "refresh_token": "AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA",
         *       "device_token": "3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE",
         *       "token_type": "Bearer",
         *       "expires_in": 900,
         *       "refresh_expires_in": 2592000,
         *       "scope": "profile:read todos:read todos:write",
         *       "session_id": "01a203b2-0d47-7f06-8a35-9e1d6b7c4f52",
         *       "acr": "aal1",
         *       "amr": [
         *         "fed"
         *       ],
         *       "auth_time": "2026-11-22T14:18:48.360Z",
         *       "user": {
         *         "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *         "kind": "person",
         *         "username": "ada",
         *         "email": "ada@example.com",
         *         "email_verified": true,
         *         "roles": [
         *           "editor"
         *         ],
         *         "created_at": "2026-11-22T14:18:48.360Z",
         *         "updated_at": "2026-11-22T14:18:48.360Z"
         *       },
         *       "external": {
         *         "provider": "google",
         *         "email": "ada@gmail.com",
         *         "email_verified": true,
         *         "name": "Ada Lovelace"
         *       }
         *     }
         */
        ExternalTokenResponse: {
            /** @description A JWT. Not with the transport `cookie`. */
            access_token?: string;
            /** @constant */
            token_type: "Bearer";
            /** @description Lifetime of the access token, in seconds. */
            expires_in: number;
            /** @description Good for one use. Not with the transport `cookie`. */
            refresh_token?: string;
            /** @description Lifetime of the refresh token, in seconds. */
            refresh_expires_in: number;
            /** @description What the access token may, by the roles (RFC 6749 §5.1). */
            scope: string;
            /** Format: uuid */
            session_id: string;
            /**
             * @description How strong the sign-in was, weakest first.
             * @enum {string}
             */
            acr: "aal1" | "aal2" | "phr";
            /** @description How the user proved who they are (RFC 8176). */
            amr: string[];
            /**
             * Format: date-time
             * @description When that was: the latest full sign-in or step-up.
             */
            auth_time: string;
            /** @description Send it with the next login. Not after a refresh, and not with the transport `cookie`. */
            device_token?: string;
            /** @description Only after a sign-in with a recovery code. */
            recovery_codes_left?: number;
            user: components["schemas"]["User"];
            external: {
                provider: string;
                email: string | null;
                /** @description Whether the address counts as verified here. */
                email_verified: boolean;
                name: string | null;
            };
        };
        PendingExternalSignUp: {
            user: components["schemas"]["User"];
            /** @constant */
            status: "verification_sent";
            external: {
                provider: string;
                email: string | null;
                /** @description Whether the address counts as verified here. */
                email_verified: boolean;
                name: string | null;
            };
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "name": "Ada Lovelace",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": null,
         *       "provider": "google",
         *       "email": "ada@gmail.com"
         *     }
         */
        Identity: {
            /** Format: uuid */
            id: string;
            provider: string;
            /** @description What the provider said when it was linked. */
            email: string | null;
            name: string | null;
            /** Format: date-time */
            created_at: string;
            last_used_at: string | null;
        };
        /**
         * @example {
         *       "password": true,
         *       "second_factor": "any",
         *       "required_acr": "aal1",
         *       "totp": [
         *         {
         *           "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "name": "Authenticator",
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "last_used_at": "2026-11-22T14:18:48.360Z"
         *         }
         *       ],
         *       "passkeys": [],
         *       "recovery_codes": {
         *         "left": 9,
         *         "created_at": "2026-11-22T14:18:48.360Z"
         *       },
         *       "identities": [],
         *       "trusted_devices": [],
         *       "recovery": null,
         *       "user_handle": "AaIDn2bofEycUWpdjw4rMQ"
         *     }
         */
        SignInMethods: {
            /** @description Whether there is one. */
            password: boolean;
            /** @enum {string} */
            second_factor: "off" | "any" | "passkey";
            /**
             * @description What the server asks of every user.
             * @enum {string}
             */
            required_acr: "aal1" | "aal2" | "phr";
            totp: components["schemas"]["Totp"][];
            recovery_codes: {
                left: number;
                /** Format: date-time */
                created_at: string;
            } | null;
            identities: components["schemas"]["Identity"][];
            trusted_devices: {
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                expires_at: string;
                ip: string | null;
                user_agent: string | null;
            }[];
            recovery: {
                /** Format: date-time */
                started_at: string;
                /** Format: date-time */
                available_at: string;
            } | null;
            passkeys: {
                /** Format: uuid */
                id: string;
                name: string;
                /** Format: date-time */
                created_at: string;
                last_used_at: string | null;
                /** @description Whether other devices may have it, too. */
                synced: boolean;
                /** @description The model of its authenticator, as that one says. */
                aaguid: string | null;
                rp_id: string;
                credential_id: string;
            }[];
            /** @description For `signalAllAcceptedCredentials`, also after the last passkey is removed. */
            user_handle: string;
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "name": "Authenticator",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": "2026-11-22T14:18:48.360Z"
         *     }
         */
        Totp: {
            /** Format: uuid */
            id: string;
            name: string;
            /** Format: date-time */
            created_at: string;
            last_used_at: string | null;
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
         *       "uri": "otpauth://totp/login.example.com:ada?issuer=login.example.com&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30",
         *       "qr_svg": "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\">…</svg>",
         *       "expires_at": "2026-11-22T14:33:48.360Z"
         *     }
         */
        TotpEnrolment: {
            /** Format: uuid */
            id: string;
            /** @description In base32, for typing it in. It is told this once. */
            secret: string;
            /** @description An `otpauth:` URI, which the QR code holds. */
            uri: string;
            /** @description The QR code, as an SVG image. */
            qr_svg: string;
            /**
             * Format: date-time
             * @description Until then it waits for its first code.
             */
            expires_at: string;
        };
        /**
         * @example {
         *       "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "name": "Authenticator",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "last_used_at": "2026-11-22T14:18:48.360Z"
         *     }
         */
        ConfirmedTotp: {
            /** Format: uuid */
            id: string;
            name: string;
            /** Format: date-time */
            created_at: string;
            last_used_at: string | null;
            /**
             * @description Each is good once. They are told this once.
             * @example [
             *       "7PX4-KD2M-Q9TB-0V3H-WZ6R-8CNF"
             *     ]
             */
            recovery_codes?: string[];
            /** @description Only where the second factor is on from now on: no token of before is known. Send it with the next login. Not where the access token came by cookie: then it is in the cookie `device`. */
            device_token?: string;
        };
        RecoveryCodes: {
            /**
             * @description Each is good once. They are told this once.
             * @example [
             *       "7PX4-KD2M-Q9TB-0V3H-WZ6R-8CNF"
             *     ]
             */
            recovery_codes: string[];
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *           "name": "Nightly backup",
         *           "start": "glk_x7Qa",
         *           "scopes": [
         *             "todos:read"
         *           ],
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "expires_at": "2027-02-20T14:18:48.360Z",
         *           "last_used_at": null
         *         }
         *       ]
         *     }
         */
        ApiKeyList: {
            data: components["schemas"]["ApiKey"][];
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "name": "Nightly backup",
         *       "start": "glk_x7Qa",
         *       "scopes": [
         *         "todos:read"
         *       ],
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "expires_at": "2027-02-20T14:18:48.360Z",
         *       "last_used_at": null
         *     }
         */
        ApiKey: {
            /** Format: uuid */
            id: string;
            name: string;
            /** @description The prefix and four characters, to tell keys apart. */
            start: string;
            /** @description It has those of them that its owner still has. */
            scopes: string[];
            /** Format: date-time */
            created_at: string;
            /** @description Null for the command line. */
            created_by: string | null;
            expires_at: string | null;
            /** @description Written once a minute. */
            last_used_at: string | null;
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "name": "Nightly backup",
         *       "start": "glk_x7Qa",
         *       "scopes": [
         *         "todos:read"
         *       ],
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "expires_at": "2027-02-20T14:18:48.360Z",
         *       "last_used_at": null,
         *       "key": "glk_0000000000000000000000…"
         *     }
         */
        MadeApiKey: {
            /** Format: uuid */
            id: string;
            name: string;
            /** @description The prefix and four characters, to tell keys apart. */
            start: string;
            /** @description It has those of them that its owner still has. */
            scopes: string[];
            /** Format: date-time */
            created_at: string;
            /** @description Null for the command line. */
            created_by: string | null;
            expires_at: string | null;
            /** @description Written once a minute. */
            last_used_at: string | null;
            /** @description Shown this once. */
            key: string;
        };
        /**
         * @example {
         *       "message": "Welcome. Your access token opened this door."
         *     }
         */
        Welcome: {
            message: string;
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10",
         *           "title": "Read the route table",
         *           "completed": false,
         *           "created_at": "2026-11-22T14:20:03.870Z",
         *           "updated_at": "2026-11-22T14:20:03.870Z"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        TodoPage: {
            data: components["schemas"]["Todo"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "kind": "person",
         *           "username": "ada",
         *           "email": "ada@example.com",
         *           "email_verified": true,
         *           "roles": [
         *             "editor"
         *           ],
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "updated_at": "2026-11-22T14:18:48.360Z",
         *           "disabled": false,
         *           "last_login_at": "2026-11-22T14:18:48.360Z"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        AdminUserPage: {
            data: components["schemas"]["AdminUser"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "password": true,
         *       "second_factor": "any",
         *       "required_acr": "aal1",
         *       "totp": [
         *         {
         *           "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "name": "Authenticator",
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "last_used_at": "2026-11-22T14:18:48.360Z"
         *         }
         *       ],
         *       "passkeys": [],
         *       "recovery_codes": {
         *         "left": 9,
         *         "created_at": "2026-11-22T14:18:48.360Z"
         *       },
         *       "identities": [],
         *       "trusted_devices": [],
         *       "recovery": null
         *     }
         */
        AdminSignInMethods: {
            /** @description Whether there is one. */
            password: boolean;
            /** @enum {string} */
            second_factor: "off" | "any" | "passkey";
            /**
             * @description What the server asks of every user.
             * @enum {string}
             */
            required_acr: "aal1" | "aal2" | "phr";
            totp: components["schemas"]["Totp"][];
            recovery_codes: {
                left: number;
                /** Format: date-time */
                created_at: string;
            } | null;
            identities: components["schemas"]["Identity"][];
            trusted_devices: {
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                expires_at: string;
                ip: string | null;
                user_agent: string | null;
            }[];
            recovery: {
                /** Format: date-time */
                started_at: string;
                /** Format: date-time */
                available_at: string;
            } | null;
            passkeys: {
                /** Format: uuid */
                id: string;
                name: string;
                /** Format: date-time */
                created_at: string;
                last_used_at: string | null;
                /** @description Whether other devices may have it, too. */
                synced: boolean;
                /** @description The model of its authenticator, as that one says. */
                aaguid: string | null;
                rp_id: string;
            }[];
        };
        /**
         * @example {
         *       "roles": [
         *         {
         *           "name": "auditor",
         *           "description": "Reads the audit.",
         *           "permissions": [
         *             "audit:read"
         *           ]
         *         }
         *       ],
         *       "permissions": [
         *         {
         *           "name": "audit:read",
         *           "description": "Read the audit."
         *         }
         *       ]
         *     }
         */
        Roles: {
            roles: {
                name: string;
                description: string;
                permissions: string[];
            }[];
            permissions: {
                name: string;
                description: string;
            }[];
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "email": "ada@example.com",
         *           "roles": [
         *             "editor"
         *           ],
         *           "invited_by": "01a2039e-0d1f-7a9b-8c3e-5f2b7d9a1c64",
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "expires_at": "2026-11-29T14:18:48.360Z"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        InvitationPage: {
            data: components["schemas"]["Invitation"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83",
         *           "at": "2026-11-22T14:40:11.020Z",
         *           "action": "login.succeeded",
         *           "user_id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "actor_id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "ip": "192.0.2.7",
         *           "user_agent": "Mozilla/5.0",
         *           "detail": {}
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        AuditEventPage: {
            data: components["schemas"]["AuditEvent"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "id": "01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83",
         *       "at": "2026-11-22T14:40:11.020Z",
         *       "action": "login.succeeded",
         *       "user_id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "actor_id": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "ip": "192.0.2.7",
         *       "user_agent": "Mozilla/5.0",
         *       "detail": {}
         *     }
         */
        AuditEvent: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            action: "user.created" | "login.succeeded" | "login.failed" | "session.ended" | "refresh.reused" | "refresh.grace" | "refresh.ahead" | "password.changed" | "password.refused" | "password.reset" | "login.challenged" | "second_factor.failed" | "second_factor.changed" | "second_factor.reset" | "totp.added" | "totp.removed" | "passkey.added" | "passkey.removed" | "passkey.suspect" | "recovery_codes.created" | "recovery_code.used" | "device.trusted" | "device.forgotten" | "reauthenticated" | "identity.linked" | "identity.unlinked" | "password.removed" | "username.changed" | "email.changed" | "email.verified" | "roles.changed" | "user.disabled" | "user.enabled" | "user.deleted" | "api_key.created" | "api_key.revoked" | "invitation.created" | "invitation.accepted" | "invitation.ended" | "webhook.created" | "webhook.changed" | "webhook.deleted" | "webhook.disabled" | "webhook.ping" | "webhook.retried" | "webhook.replayed" | "key.rotated" | "key.revoked";
            /** @description The user it is about. */
            user_id: string | null;
            /** @description Who did it; null for the command line and the server itself. */
            actor_id: string | null;
            ip: string | null;
            user_agent: string | null;
            detail: {
                [key: string]: unknown;
            };
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *           "url": "https://shop.example.com/hooks/gatelatch",
         *           "events": [
         *             "user.created",
         *             "user.deleted"
         *           ],
         *           "description": "The shop",
         *           "enabled": true,
         *           "disabled_reason": null,
         *           "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *           "created_at": "2026-11-22T14:18:48.360Z",
         *           "updated_at": "2026-11-22T14:18:48.360Z",
         *           "last_attempt_at": "2026-11-22T14:40:11.020Z",
         *           "last_status": 204,
         *           "waiting": 0,
         *           "failed": 0
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        WebhookPage: {
            data: components["schemas"]["Webhook"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "url": "https://shop.example.com/hooks/gatelatch",
         *       "events": [
         *         "user.created",
         *         "user.deleted"
         *       ],
         *       "description": "The shop",
         *       "enabled": true,
         *       "disabled_reason": null,
         *       "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "updated_at": "2026-11-22T14:18:48.360Z",
         *       "last_attempt_at": "2026-11-22T14:40:11.020Z",
         *       "last_status": 204,
         *       "waiting": 0,
         *       "failed": 0
         *     }
         */
        Webhook: {
            /** Format: uuid */
            id: string;
            /** @description Null for the handlers of `src/own/events.ts`. */
            url: string | null;
            /** @description What it gets; `*` is every event. */
            events: string[];
            description: string;
            /** @description While it is not, nothing new is queued and nothing is sent. */
            enabled: boolean;
            /** @description `manual`; `gone`: it answered 410; `failing`: five days of nothing but failures. */
            disabled_reason: ("manual" | "gone" | "failing") | null;
            /** @description Null for the command line and the server itself. */
            created_by: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            last_attempt_at: string | null;
            /** @description Null also if there was no answer. */
            last_status: number | null;
            /** @description Deliveries that wait, counted up to 10000. */
            waiting: number;
            /** @description Deliveries that were given up, counted up to 10000. */
            failed: number;
        };
        /**
         * @example {
         *       "id": "01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18",
         *       "url": "https://shop.example.com/hooks/gatelatch",
         *       "events": [
         *         "user.created",
         *         "user.deleted"
         *       ],
         *       "description": "The shop",
         *       "enabled": true,
         *       "disabled_reason": null,
         *       "created_by": "01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31",
         *       "created_at": "2026-11-22T14:18:48.360Z",
         *       "updated_at": "2026-11-22T14:18:48.360Z",
         *       "last_attempt_at": "2026-11-22T14:40:11.020Z",
         *       "last_status": 204,
         *       "waiting": 0,
         *       "failed": 0,
         *       "secret": "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx="
         *     }
         */
        MadeWebhook: {
            /** Format: uuid */
            id: string;
            /** @description Null for the handlers of `src/own/events.ts`. */
            url: string | null;
            /** @description What it gets; `*` is every event. */
            events: string[];
            description: string;
            /** @description While it is not, nothing new is queued and nothing is sent. */
            enabled: boolean;
            /** @description `manual`; `gone`: it answered 410; `failing`: five days of nothing but failures. */
            disabled_reason: ("manual" | "gone" | "failing") | null;
            /** @description Null for the command line and the server itself. */
            created_by: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            last_attempt_at: string | null;
            /** @description Null also if there was no answer. */
            last_status: number | null;
            /** @description Deliveries that wait, counted up to 10000. */
            waiting: number;
            /** @description Deliveries that were given up, counted up to 10000. */
            failed: number;
            /** @description What signs the deliveries. Shown this once. */
            secret: string;
        };
        /**
         * @example {
         *       "secret": "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=",
         *       "previous_until": "2026-11-23T14:18:48.360Z"
         *     }
         */
        RotatedSecret: {
            /** @description What signs the deliveries. Shown this once. */
            secret: string;
            /**
             * Format: date-time
             * @description Until then, the secret before signs along.
             */
            previous_until: string;
        };
        /**
         * @example {
         *       "data": [
         *         {
         *           "event_id": "01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83",
         *           "type": "user.created",
         *           "state": "waiting",
         *           "attempts": 1,
         *           "created_at": "2026-11-22T14:40:11.020Z",
         *           "next_attempt_at": "2026-11-22T14:40:16.020Z",
         *           "last_attempt_at": "2026-11-22T14:40:11.120Z",
         *           "last_status": 503,
         *           "last_error": "status 503",
         *           "duration_ms": 87
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        WebhookDeliveryPage: {
            data: components["schemas"]["WebhookDelivery"][];
            /** @description The next page’s `cursor`; null on the last. */
            next_cursor: string | null;
        };
        /**
         * @example {
         *       "event_id": "01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83",
         *       "type": "user.created",
         *       "state": "waiting",
         *       "attempts": 1,
         *       "created_at": "2026-11-22T14:40:11.020Z",
         *       "next_attempt_at": "2026-11-22T14:40:16.020Z",
         *       "last_attempt_at": "2026-11-22T14:40:11.120Z",
         *       "last_status": 503,
         *       "last_error": "status 503",
         *       "duration_ms": 87
         *     }
         */
        WebhookDelivery: {
            /** Format: uuid */
            event_id: string;
            /** @description The event; null once the audit has purged it. */
            type: string | null;
            /** @enum {string} */
            state: "waiting" | "delivered" | "failed";
            attempts: number;
            /**
             * Format: date-time
             * @description When it was queued, or queued again.
             */
            created_at: string;
            next_attempt_at: string | null;
            last_attempt_at: string | null;
            last_status: number | null;
            last_error: string | null;
            /** @description How long the last attempt took. */
            duration_ms: number | null;
        };
        /**
         * @example {
         *       "access_token": "eyJhbGciOiJFUzI1NiJ9…",
         *       "token_type": "Bearer",
         *       "expires_in": 900,
         *       "scope": "todos:read"
         *     }
         */
        ClientToken: {
            access_token: string;
            /** @constant */
            token_type: "Bearer";
            expires_in: number;
            scope: string;
        };
        /**
         * @description RFC 7662 §2.2.
         * @example {
         *       "active": false
         *     }
         */
        Introspection: ({
            /** @constant */
            active: true;
            iss: string;
            aud: string;
            /** Format: uuid */
            sub: string;
            client_id: string;
            /** Format: uuid */
            sid: string;
            jti: string;
            iat: number;
            /** @description Left out for a key without an end. */
            exp?: number;
            scope: string;
            roles: string[];
            ver: number;
            /** @constant */
            token_type: "Bearer";
            /** @enum {string} */
            kind: "session" | "api_key";
            /** @description Only for who has `users:read`. */
            username?: string;
        } & {
            [key: string]: unknown;
        }) | {
            /** @constant */
            active: false;
        };
        /** @description RFC 8414 §2. */
        AuthorizationServer: {
            issuer: string;
            jwks_uri: string;
            token_endpoint: string;
            introspection_endpoint: string;
            revocation_endpoint: string;
            grant_types_supported: string[];
            response_types_supported: string[];
            token_endpoint_auth_methods_supported: string[];
            introspection_endpoint_auth_methods_supported: string[];
            revocation_endpoint_auth_methods_supported: string[];
            scopes_supported: string[];
            /** @description What tokens are refused here. */
            gatelatch_revocations_uri?: string;
            /** @description The same as it grows. */
            gatelatch_revocations_stream_uri?: string;
        };
        /**
         * @description RFC 7517. None under HS256.
         * @example {
         *       "keys": []
         *     }
         */
        PublicKeys: {
            keys: ({
                kid: string;
                kty: string;
            } & {
                [key: string]: unknown;
            })[];
        };
        /**
         * @example {
         *       "status": "ok"
         *     }
         */
        Health: {
            /** @constant */
            status: "ok";
        };
        /** @description A refusal (RFC 9457). */
        Problem: {
            type: string;
            /** @description For people. */
            title: string;
            status: number;
            /** @description For people, about this case. */
            detail: string;
            /**
             * @description For programs. Its meaning never changes.
             * @enum {string}
             */
            code: "invalid_json" | "invalid_request" | "challenge_expired" | "invalid_passkey" | "invalid_token" | "unauthenticated" | "token_expired" | "token_stale" | "session_revoked" | "api_key_revoked" | "invalid_credentials" | "invalid_refresh_token" | "refresh_token_reused" | "login_expired" | "invalid_code" | "insufficient_user_authentication" | "account_disabled" | "second_factor_required" | "email_unverified" | "csrf_rejected" | "forbidden" | "session_required" | "signup_closed" | "signup_refused" | "login_refused" | "forgot_refused" | "not_found" | "method_not_allowed" | "username_taken" | "email_taken" | "last_admin" | "quota_exceeded" | "passkey_taken" | "too_many_api_keys" | "too_many_webhooks" | "webhook_fixed" | "webhook_disabled" | "not_a_service_user" | "identity_taken" | "link_required" | "too_many" | "last_sign_in_method" | "payload_too_large" | "unsupported_media_type" | "validation_failed" | "rate_limited" | "header_fields_too_large" | "internal_error" | "provider_unavailable" | "overloaded" | "database_unavailable" | "shutting_down";
            /**
             * Format: uuid
             * @description The same as `X-Request-Id`.
             */
            request_id: string;
            /** @description What is wrong with the input, and where. Only with `validation_failed`. */
            errors?: {
                path: string;
                message: string;
            }[];
            /** @description The permission that is missing. Only with `forbidden`, where it is one. */
            scope?: string;
            /** @description How strong the sign-in must be. Only with `insufficient_user_authentication`. */
            acr_values?: string;
            /** @description How old the sign-in may be, in seconds. Only with `insufficient_user_authentication`. */
            max_age?: number;
            /** @description Stands for the first factor. Only with `second_factor_required`, as `methods`. */
            login_token?: string;
            /** @description How long the login token or link token is good, in seconds. */
            expires_in?: number;
            /** @description The second factors that this user has. */
            methods?: ("totp" | "passkey" | "recovery_code")[];
            /** @description Stands for the person at the provider. Only with `link_required`. */
            link_token?: string;
        };
        /**
         * @description A refusal (RFC 6749 §5.2).
         * @example {
         *       "error": "invalid_client",
         *       "error_description": "Wrong client or secret.",
         *       "request_id": "7f0e2f0c-3d7e-4c1b-9d3c-5b0a4b1f6a52"
         *     }
         */
        OAuthError: {
            /**
             * @description For programs.
             * @enum {string}
             */
            error: "invalid_request" | "invalid_client" | "invalid_scope" | "invalid_target" | "unsupported_grant_type" | "invalid_token" | "insufficient_scope" | "temporarily_unavailable" | "server_error";
            /** @description For people, about this case. */
            error_description: string;
            /**
             * Format: uuid
             * @description The same as `X-Request-Id`.
             */
            request_id: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
