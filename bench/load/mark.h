// A mark is the time at which an event was meant to be sent, and its number, at a fixed width, so that a
// publisher can write it into a finished request: @@<19 digits of CLOCK_MONOTONIC ns>,<10 digits>@@
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MARK_BYTES 34
#define MARK_BLANK "@@0000000000000000000,0000000000@@"

static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void mark_write(char *at, int64_t ns, uint32_t number) {
  char text[MARK_BYTES + 1];
  snprintf(text, sizeof text, "@@%019lld,%010u@@", (long long)ns, number);
  memcpy(at, text, MARK_BYTES);
}

// What is in the bytes of a mark, or -1.
static inline int64_t mark_read(const char *at) {
  if (at[0] != '@' || at[1] != '@' || at[21] != ',' || at[32] != '@' || at[33] != '@') return -1;
  int64_t ns = 0;
  for (int i = 2; i < 21; i++) {
    if (at[i] < '0' || at[i] > '9') return -1;
    ns = ns * 10 + (at[i] - '0');
  }
  return ns;
}

// Finds marks in bytes that arrive in pieces, cut anywhere.
typedef struct {
  char kept[MARK_BYTES];
  uint8_t length;
} mark_scanner;

// One piece. Calls `found` for each whole mark.
static inline void mark_scan(mark_scanner *s, const char *p, size_t n, void (*found)(void *, int64_t), void *context) {
  while (s->length > 0 && n > 0) {
    size_t take = MARK_BYTES - s->length;
    if (take > n) take = n;
    memcpy(s->kept + s->length, p, take);
    s->length += take;
    p += take;
    n -= take;
    if (s->length < MARK_BYTES) return;
    int64_t ns = mark_read(s->kept);
    if (ns >= 0) {
      found(context, ns);
      s->length = 0;
    } else {
      char *next = memchr(s->kept + 1, '@', MARK_BYTES - 1);
      s->length = next == NULL ? 0 : (uint8_t)(s->kept + MARK_BYTES - next);
      if (next != NULL) memmove(s->kept, next, s->length);
    }
  }
  const char *end = p + n;
  while (p < end) {
    const char *at = memchr(p, '@', (size_t)(end - p));
    if (at == NULL) return;
    if (end - at < MARK_BYTES) {
      s->length = (uint8_t)(end - at);
      memcpy(s->kept, at, s->length);
      return;
    }
    int64_t ns = mark_read(at);
    if (ns >= 0) found(context, ns);
    p = ns >= 0 ? at + MARK_BYTES : at + 1;
  }
}
