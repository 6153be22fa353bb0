import {createServer} from 'node:net';
import type {AddressInfo} from 'node:net';
import {SupasessionError} from '../errors.js';
import {codeOf, messageOf} from './errors.js';

/** A port of 127.0.0.1 that nobody else gets until it is released. */
export interface ClaimedPort {
  port: number;
  release: () => Promise<void>;
}

/**
 * Takes the port before anything else is done: a taken one is reported before there is anything to undo, and of two
 * starts at once for one project only one gets as far as the data folder.
 *
 * @param port - 0 for a free one
 * @throws SupasessionError PORT_IN_USE, or SANDBOX_FAILED when this user may not listen on it
 */
export async function claimPort(port: number): Promise<ClaimedPort> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        codeOf(error) === 'EADDRINUSE'
          ? portInUse(port, error)
          : new SupasessionError('SANDBOX_FAILED', `Cannot listen on port ${port} of 127.0.0.1: ${messageOf(error)}.`, {
              suggestions: ['choose another port: {bin} sandbox --port 54399'],
              cause: error,
            }),
      );
    });
    server.listen({port, host: '127.0.0.1', exclusive: true}, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        release: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
}

/** The error for a port that somebody else listens on. */
export function portInUse(port: number, cause?: unknown): SupasessionError {
  return new SupasessionError('PORT_IN_USE', `Port ${port} of 127.0.0.1 is in use by another program.`, {
    suggestions: [
      'stop that program; if it is the local Supabase stack: {supabase} stop',
      'or choose another port: {bin} sandbox --port 54399',
    ],
    details: {port},
    cause,
  });
}
