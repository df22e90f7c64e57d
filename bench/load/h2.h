// Reads the frames of HTTP/2 (RFC 9113) that a server sends, cut anywhere, for one stream at a time, and gives them the form
// of an answer of HTTP/1.1: a head with the status and nothing else, and the body. Windows are as large as they can be, and
// there is no dynamic table, so that the status can be read alone.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define H2_HEAD 9
#define H2_KEPT 64
// What a server may be owed for what arrives at once; a PING beyond that is not answered.
#define H2_OWED 256
#define H2_STATUS "HTTP/1.1 000\r\n\r\n"
// SETTINGS: no dynamic table, no push, and the largest window for each stream. WINDOW_UPDATE: the same for the connection.
#define H2_PREFACE                                                                                                             \
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"                                                                                           \
  "\0\0\x12\4\0\0\0\0\0" "\0\1\0\0\0\0" "\0\2\0\0\0\0" "\0\4\x7f\xff\xff\xff"                                                  \
  "\0\0\4\x8\0\0\0\0\0" "\x7f\xff\0\0"

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_RESET = 3, FRAME_SETTINGS = 4, FRAME_PING = 6 };

typedef struct {
  uint8_t head[H2_HEAD], head_length;
  uint32_t left;     // of the payload
  char kept[H2_KEPT]; // the first bytes of a payload that is not data
  uint8_t kept_length;
  uint32_t stream;
  bool has_status, is_ended, is_reset;
} h2_reader;

// The stream of the next request.
static inline uint32_t h2_next(h2_reader *h) {
  h->has_status = h->is_ended = false;
  return h->stream += h->stream == 0 ? 1 : 2;
}

// How much may be read at a time, so that what is made of it fits: a head is longer than the shortest frame for it.
static inline size_t h2_room(size_t size) { return size / 2 - H2_KEPT; }

// Digits have codes of 5 bits (0 to 2) or 6 (RFC 7541, appendix B).
static inline void huffman_digits(const uint8_t *p, char *digits) {
  uint32_t bits = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8;
  for (int i = 0; i < 3; i++) {
    uint32_t code = bits >> 27;
    int length = code < 3 ? 5 : 6;
    digits[i] = (char)('0' + (code < 3 ? code : (bits >> 26) - 22));
    bits <<= length;
  }
}

// The status is the first field, of the static table or spelled out after the name that is there.
static inline void status_digits(const uint8_t *p, char *digits) {
  static const char *known[] = {"200", "204", "206", "304", "400", "404", "500"};
  while ((*p & 0xe0) == 0x20) p++; // a table of size 0
  if (*p >= 0x88 && *p <= 0x8e) memcpy(digits, known[*p - 0x88], 3);
  else if (p[1] == 3) memcpy(digits, p + 2, 3);
  else huffman_digits(p + 2, digits);
}

static inline void put(char *out, size_t *length, const void *bytes, size_t n) {
  memcpy(out + *length, bytes, n);
  *length += n;
}

// A frame is complete. Puts the head of an answer into `out`, and what the server is owed into `owed`.
static inline void end_frame(h2_reader *h, char *out, size_t *n, char *owed, size_t *owed_length) {
  uint8_t type = h->head[3], flags = h->head[4];
  bool is_owed = (flags & 1) == 0 && *owed_length + H2_HEAD + 8 <= H2_OWED;
  if (type == FRAME_HEADERS && !h->has_status) {
    char status[] = H2_STATUS;
    status_digits((const uint8_t *)h->kept, status + 9);
    h->has_status = status[9] != '1';
    if (h->has_status) put(out, n, status, sizeof status - 1);
  }
  if (type == FRAME_SETTINGS && is_owed) put(owed, owed_length, "\0\0\0\4\1\0\0\0\0", H2_HEAD);
  if (type == FRAME_PING && is_owed) {
    put(owed, owed_length, "\0\0\x8\6\1\0\0\0\0", H2_HEAD);
    put(owed, owed_length, h->kept, 8);
  }
  if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & 1) != 0) h->is_ended = true;
  // After an answer, it only says that nothing more of the request is needed.
  if (type == FRAME_RESET && !h->is_ended) h->is_reset = true;
  h->head_length = h->kept_length = 0;
}

// Returns the length of what it has put into `out`.
static inline ssize_t h2_read(h2_reader *h, const char *p, size_t length, char *out, char *owed, size_t *owed_length) {
  size_t n = 0;
  for (const char *end = p + length; p < end;) {
    if (h->head_length < H2_HEAD) {
      h->head[h->head_length++] = (uint8_t)*p++;
      if (h->head_length < H2_HEAD) continue;
      h->left = (uint32_t)h->head[0] << 16 | (uint32_t)h->head[1] << 8 | h->head[2];
    } else {
      size_t run = (size_t)(end - p) < h->left ? (size_t)(end - p) : h->left;
      size_t room = H2_KEPT - (size_t)h->kept_length, keep = room < run ? room : run;
      if (h->head[3] == FRAME_DATA) put(out, &n, p, run);
      else memcpy(h->kept + h->kept_length, p, keep), h->kept_length += (uint8_t)keep;
      p += run;
      h->left -= (uint32_t)run;
    }
    if (h->left == 0) end_frame(h, out, &n, owed, owed_length);
  }
  return (ssize_t)n;
}
