// Owns the filter `compress`: bodies in a coding that the client reads, streamed, and never one that has a coding already. What is
// short and known whole is coded at once; anything else goes through a stream of its own.

import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import type { CompressSettings } from '../../config/types.ts';
import type { BodyStage, Filter, FilterKind, FilterResponse } from '../filter.ts';
import { bestEncoding, typeMatcher } from '../negotiate.ts';
import { GzipCoder } from './gzip-coder.ts';
import { TransformStage } from './transform-stage.ts';

/** Up to here one call beats a stream, and does not hold up others for long. */
const AT_ONCE_BYTES = 64 * 1024;
type Coding = 'gzip' | 'br' | 'zstd';

export const compress: FilterKind<CompressSettings> = {
  name: 'compress',
  build({ encodings, levels, minBytes, types }, { count }): Filter {
    const isWorthIt = typeMatcher(types);
    const chosen = new Map<string, string>();
    const choose = (accept: string): string => {
      let best = chosen.get(accept);
      if (best !== undefined) return best;
      best = bestEncoding(accept, encodings);
      if (chosen.size < 256) chosen.set(accept, best);
      return best;
    };
    const filter: Filter = {
      onRequest(request) {
        const accept = request.header('accept-encoding');
        if (accept !== undefined) request.keep(filter, choose(accept));
        return undefined;
      },
      onResponse(request, response) {
        if (!isWorthIt(response.header('content-type')) || !mayChange(response)) return;
        const { edits, length } = response;
        if (length >= 0 && length < minBytes) return;
        edits.append('Vary', 'Accept-Encoding');
        const coding = request.kept(filter) as Coding | '' | undefined;
        if (coding === undefined || coding === '' || response.bodiless) return;
        edits.set('Content-Encoding', coding);
        edits.remove('Accept-Ranges');
        const tag = response.header('etag');
        // The bytes differ from those that the tag names, their meaning does not (RFC 9110 §8.8.3.3).
        if (tag !== undefined && !tag.startsWith('W/')) edits.set('ETag', `W/${tag}`);
        count('compressed');
        response.through(stageFor(coding, levels, length));
      },
    };
    return filter;
  },
};

function mayChange(response: FilterResponse): boolean {
  const { status } = response;
  if (status < 200 || status === 206 || status === 204 || status === 304) return false;
  const coding = response.header('content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity') return false;
  return !/\bno-transform\b/i.test(response.header('cache-control') ?? '');
}

function stageFor(coding: Coding, levels: CompressSettings['levels'], length: number): BodyStage {
  const coder = coding === 'gzip' ? GzipCoder.take(levels.gzip) : undefined;
  if (coder !== undefined) return new GzipStage(coder, length < 0);
  if (length >= 0 && length <= AT_ONCE_BYTES) return new AtOnce(coding, levels);
  // A body of unknown length may pause anywhere: what there is of it has to reach the client.
  const eager = length < 0;
  switch (coding) {
    case 'gzip':
      return new TransformStage(
        createGzip({ level: levels.gzip, flush: eager ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH }),
      );
    case 'br':
      return new TransformStage(
        createBrotliCompress({
          flush: eager ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_PROCESS,
          params: { [constants.BROTLI_PARAM_QUALITY]: levels.br, [constants.BROTLI_PARAM_LGWIN]: 19 },
        }),
      );
    case 'zstd':
      return new TransformStage(
        createZstdCompress({
          flush: eager ? constants.ZSTD_e_flush : constants.ZSTD_e_continue,
          params: { [constants.ZSTD_c_compressionLevel]: levels.zstd },
        }),
      );
  }
}

/** Piece by piece, each at once. */
class GzipStage implements BodyStage {
  #coder: GzipCoder | undefined;
  readonly #eager: boolean;

  constructor(coder: GzipCoder, eager: boolean) {
    this.#coder = coder;
    this.#eager = eager;
  }

  push(bytes: Buffer, next: (bytes: Buffer) => void): void {
    this.#coder?.code(bytes, this.#eager ? 'sync' : 'more', next);
  }

  end(next: (bytes: Buffer) => void, done: () => void): void {
    this.#coder?.code(NOTHING, 'finish', next);
    this.cancel();
    done();
  }

  cancel(): void {
    this.#coder?.give();
    this.#coder = undefined;
  }
}

const NOTHING = Buffer.alloc(0);

class AtOnce implements BodyStage {
  readonly #coding: Coding;
  readonly #levels: CompressSettings['levels'];
  readonly #pieces: Buffer[] = [];

  constructor(coding: Coding, levels: CompressSettings['levels']) {
    this.#coding = coding;
    this.#levels = levels;
  }

  push(bytes: Buffer): void {
    this.#pieces.push(Buffer.from(bytes));
  }

  end(next: (bytes: Buffer) => void, done: () => void): void {
    const pieces = this.#pieces;
    next(this.#coded(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)));
    done();
  }

  #coded(bytes: Buffer): Buffer {
    switch (this.#coding) {
      case 'gzip':
        return gzipSync(bytes, { level: this.#levels.gzip });
      case 'br':
        return brotliCompressSync(bytes, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: this.#levels.br,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        });
      case 'zstd':
        return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: this.#levels.zstd } });
    }
  }
}
