// Owns which core runs what: the balancer alone on the first, load generator and backends together on the second.

export const BALANCER_CORE = '0';
export const LOAD_CORE = '1';
export const BOTH_CORES = '0,1';
