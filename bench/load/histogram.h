// Latencies in nanoseconds, counted in buckets of at most 1.6% of their value: 64 to each power of two.
// 4096 buckets reach past a century, so that no value needs a check. histogram.ts reads what is printed here.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS 4096

typedef struct {
  uint64_t counts[BUCKETS];
  uint64_t max;
} histogram;

static inline void histogram_record(histogram *h, int64_t signed_ns) {
  uint64_t ns = signed_ns < 0 ? 0 : (uint64_t)signed_ns;
  unsigned shift = ns < 128 ? 0 : 57 - (unsigned)__builtin_clzll(ns);
  h->counts[shift * 64 + (ns >> shift)]++;
  if (ns > h->max) h->max = ns;
}

static inline void histogram_print(const histogram *h) {
  printf("{\"max\":%llu,\"buckets\":[", (unsigned long long)h->max);
  const char *comma = "";
  for (unsigned i = 0; i < BUCKETS; i++) {
    if (h->counts[i] == 0) continue;
    printf("%s[%u,%llu]", comma, i, (unsigned long long)h->counts[i]);
    comma = ",";
  }
  printf("]}");
}
