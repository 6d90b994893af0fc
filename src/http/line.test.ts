import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Line } from './line.ts';

test('a line behaves as an array does', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(5))), (steps) => {
      const line = new Line<number>();
      let model: number[] = [];
      for (const [step, value] of steps) {
        if (step <= 1) {
          line.push(value);
          model.push(value);
        } else if (step === 2) {
          line.shift();
          model.shift();
        } else if (step === 3) {
          const at = model.indexOf(value);
          assert.equal(line.replace(value, 9), at >= 0);
          if (at >= 0) model[at] = 9;
        } else {
          const at = model.indexOf(value);
          assert.equal(line.replace(value, undefined), at >= 0);
          model = model.filter((_, i) => i !== at);
        }
        assert.deepEqual([line.first, line.size, line.all()], [model[0], model.length, model]);
      }
      line.clear();
      assert.deepEqual(line.all(), []);
    }),
  );
});
