import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineOf, grpcCodeOf, grpcStatusIn, statusOfGrpc } from './grpc.ts';

test('deadlines are read in every unit, and nothing else is', () => {
  const read = ['1H', '2M', '3S', '40m', '5000u', '99999999n', '0m', '', '1', '1x', '123456789m', '-1S', undefined].map(
    deadlineOf,
  );
  assert.deepEqual(read, [3_600_000, 120_000, 3000, 40, 5, 99.999999, 1, 0, 0, 0, 0, 0, 0]);
});

test('failures of ours have a code that clients know what to do with', () => {
  assert.equal(grpcCodeOf('pool-down', 503), 14);
  assert.equal(grpcCodeOf('connect-failed', 502), 14);
  assert.equal(grpcCodeOf('upstream-timeout', 504), 14);
  assert.equal(grpcCodeOf('client-deadline', 504), 4);
  assert.equal(grpcCodeOf('no-route', 404), 12);
  assert.equal(grpcCodeOf('body-too-large', 413), 8);
  assert.equal(grpcCodeOf('bad-request', 400), 13);
});

test('a status is found among fields, and only as a field', () => {
  assert.equal(grpcStatusIn('grpc-status: 0\r\n'), 0);
  assert.equal(grpcStatusIn('a: b\r\nGrpc-Status: 14\r\ngrpc-message: x\r\n'), 14);
  assert.equal(grpcStatusIn('grpc-message: grpc-status: 3\r\n'), -1);
  assert.equal(grpcStatusIn('grpc-status: 77\r\n'), 2);
  assert.equal(statusOfGrpc(14), 503);
  assert.equal(statusOfGrpc(5), 200);
});
