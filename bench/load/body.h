// The body of a response whose chunked framing, if it has one, arrives in pieces cut anywhere.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum body_state { BODY_PLAIN, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, BODY_OVER };

typedef struct {
  enum body_state state;
  uint64_t left;
} body_reader;

static inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Hands the next run of payload in [*p, end) to the caller and steps over it; false when there is none left.
static inline bool body_next(body_reader *b, const char **p, const char *end, const char **run, size_t *length) {
  if (b->state == BODY_PLAIN) {
    *run = *p;
    *length = (size_t)(end - *p);
    *p = end;
    return *length > 0;
  }
  while (*p < end) {
    switch (b->state) {
    case CHUNK_SIZE: {
      char c = *(*p)++;
      int digit = hex_digit(c);
      if (digit >= 0) b->left = b->left * 16 + (uint64_t)digit;
      else if (c == '\n') b->state = b->left == 0 ? BODY_OVER : CHUNK_DATA;
      else b->state = CHUNK_EXTENSION;
      break;
    }
    case CHUNK_EXTENSION:
      if (*(*p)++ == '\n') b->state = b->left == 0 ? BODY_OVER : CHUNK_DATA;
      break;
    case CHUNK_DATA: {
      size_t n = (size_t)(end - *p);
      if (n > b->left) n = (size_t)b->left;
      *run = *p;
      *length = n;
      *p += n;
      b->left -= n;
      if (b->left == 0) b->state = CHUNK_END;
      return true;
    }
    case CHUNK_END:
      if (*(*p)++ == '\n') b->state = CHUNK_SIZE;
      break;
    case BODY_PLAIN:
    case BODY_OVER:
      *p = end;
      return false;
    }
  }
  return false;
}
