// Owns how workers learn how many requests from before an ejection still ran when the trial began: in the bits of `state`
// above the STATE flags. The main thread alone can count them, because only before the trial bit is set nobody can have
// started a trial request.

const SHIFT = 8;
const MAX = (1 << 22) - 1;

export function withLeftOver(bits: number, leftOver: number): number {
  return bits | (Math.min(leftOver, MAX) << SHIFT);
}

export function leftOverIn(state: number): number {
  return state >>> SHIFT;
}
