import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { goodPassword } from '../support/app.js';
import { ask, type Instance, logIn, newName, type Operator, openOperator, signUp, startInstance } from '../support/instance.js';
import { createServerDatabase, type ServerDatabase } from '../support/test-database.js';
