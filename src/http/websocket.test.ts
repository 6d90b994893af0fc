import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketMeter } from './websocket.ts';

function frame(first: number, length: number, masked: boolean): Buffer {
  const head = [first];
  const mask = masked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 255);
  else
    head.push(mask | 127, 0, 0, 0, 0, (length >>> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  return Buffer.concat([Buffer.from(head), Buffer.alloc((masked ? 4 : 0) + length, 0x81)]);
}

test('messages are counted, fragments are one, control frames are none', () => {
  const bytes = Buffer.concat([
    frame(0x81, 5, true),
    frame(0x01, 200, true),
    frame(0x89, 3, true),
    frame(0x00, 70_000, true),
    frame(0x80, 0, true),
    frame(0x82, 65_535, false),
    frame(0x88, 2, false),
  ]);
  for (const step of [1, 7, 1000, bytes.length]) {
    const meter = new WebSocketMeter();
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step);
      meter.follow(part, part.length);
    }
    assert.equal(meter.messages, 3, `in steps of ${step}`);
    assert.ok(meter.atBoundary);
  }
});

test('in the middle of a frame nothing of ours may stand', () => {
  const meter = new WebSocketMeter();
  assert.ok(meter.atBoundary);
  const bytes = frame(0x81, 200, true);
  meter.follow(bytes, 1);
  assert.ok(!meter.atBoundary);
  meter.follow(bytes.subarray(1), 100);
  assert.ok(!meter.atBoundary);
  meter.follow(bytes.subarray(101), bytes.length - 101);
  assert.ok(meter.atBoundary);
});
