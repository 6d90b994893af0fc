// Owns the written form of `body-limit`: how much a request may bring along.

import { section, shorthand, size } from '../fields.ts';
import type { BodyLimitSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

export const bodyLimit: FilterForm<BodyLimitSettings> = {
  name: 'body-limit',
  schema: shorthand(
    { type: ['string', 'integer'], description: 'such as 1m' },
    (value) => (typeof value === 'object' ? undefined : { max: value }),
    section<BodyLimitSettings>({ max: size() }),
  ),
};
