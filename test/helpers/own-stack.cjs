// A contributor's own local stack listens on port 54322, and what runs there is not for tests to touch: in every process of a test that is
// node's, connecting to it fails. Those that jest runs tests in come here by setup.ts, those that a test starts by NODE_OPTIONS.
const {Socket} = require('node:net');

const {connect} = Socket.prototype;

Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  const port = typeof first === 'object' ? first.port : first;
  if (Number(port) === 54322)
    throw new Error("A test connects to port 54322, where a contributor's own stack listens.");
  return connect.apply(this, args);
};
