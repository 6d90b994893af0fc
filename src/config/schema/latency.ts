// Owns the written form of how measurements for the `latency` policy come in.

import { z } from 'zod';
import { duration, oneOrMore, section } from '../fields.ts';
import type { LatencyConfig } from '../types/latency.ts';

export const latency = section<LatencyConfig>({
  file: oneOrMore(z.string().min(1)).default([]),
  interval: duration(1000, 3_600_000).default(10_000),
});
