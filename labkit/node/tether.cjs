// Loaded before a program of the course: ends it when whoever started it is gone.
//
// The starter holds the other end of a pipe open. However the starter ends, even killed, the pipe
// ends with it. A thread of its own waits for that, so that a program in an endless loop ends too.
'use strict';
const { Worker, isMainThread } = require('node:worker_threads');

const tether = process.env.LABKIT_TETHER;
// What the program starts in its turn has no pipe, and loads this too.
delete process.env.LABKIT_TETHER;

if (isMainThread && tether) {
  const env = { LABKIT_TETHER: tether };
  new Worker(__filename, { env, execArgv: [], stdin: false }).unref();
} else if (tether) {
  const { Socket } = require('node:net');
  const pipe = new Socket({ fd: Number(tether), readable: true, writable: false });
  pipe.on('error', () => {});
  // The whole process group: what the program started goes with it.
  pipe.on('close', () => process.kill(-process.pid, 'SIGKILL'));
  pipe.resume();
}
