// A request that is sent again and again, and the places in it that change: marks (mark.h), and slots, which are the
// number of a topic: slot000000. With HTTP/2, it is encoded once, and only its stream changes.
#pragma once
#include "mark.h"
#include <ctype.h>
#include <stdlib.h>

#define SLOT_BLANK "slot000000"
#define SLOT_DIGITS 6
#define MAX_MARKS 1024
#define MAX_SLOTS 16
#define MAX_FRAMES 64
// What a server accepts before it says that it accepts more (RFC 9113, 4.2).
#define FRAME_BYTES 16384
#define FRAME_HEAD 9

typedef struct {
  char *bytes;
  size_t length;
  size_t marks[MAX_MARKS], slots[MAX_SLOTS], frames[MAX_FRAMES];
  int mark_count, slot_count, frame_count;
} request;

static inline void request_refuse(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(2);
}

static inline int places_of(const request *r, const char *blank, size_t *at, int max) {
  int count = 0;
  const char *end = r->bytes + r->length;
  for (const char *p = r->bytes; (p = memmem(p, (size_t)(end - p), blank, strlen(blank))) != NULL; p += strlen(blank)) {
    if (count == max) request_refuse("too many marks or slots in a request");
    at[count++] = (size_t)(p - r->bytes);
  }
  return count;
}

static inline void append(request *r, const void *bytes, size_t length) {
  memcpy(r->bytes + r->length, bytes, length);
  r->length += length;
}

// A string without Huffman coding (RFC 7541, 5.2).
static inline void append_string(request *r, const char *text, size_t length, bool is_name) {
  uint8_t coded[8];
  size_t n = 0, rest = length;
  if (rest < 127) coded[n++] = (uint8_t)rest;
  else {
    coded[n++] = 127;
    for (rest -= 127; rest >= 128; rest >>= 7) coded[n++] = (uint8_t)(rest & 127) | 128;
    coded[n++] = (uint8_t)rest;
  }
  append(r, coded, n);
  char *at = r->bytes + r->length;
  append(r, text, length);
  for (size_t i = 0; is_name && i < length; i++) at[i] = (char)tolower(at[i]);
}

static inline void append_field(request *r, const char *name, size_t name_length, const char *value, size_t length) {
  append(r, "\0", 1);
  append_string(r, name, name_length, true);
  append_string(r, value, length, false);
}

static inline void frame_head(char *at, size_t length, uint8_t type, uint8_t flags) {
  char head[FRAME_HEAD] = {(char)(length >> 16), (char)(length >> 8), (char)length, (char)type, (char)flags};
  memcpy(at, head, FRAME_HEAD);
}

static inline size_t begin_frame(request *r) {
  if (r->frame_count == MAX_FRAMES) request_refuse("a request is too large");
  r->frames[r->frame_count++] = r->length;
  r->length += FRAME_HEAD;
  return r->length;
}

// The text of an HTTP/1.1 request as frames of HTTP/2.
static inline void encode_h2(request *r, const char *text) {
  const char *blank = strstr(text, "\r\n\r\n"), *body = blank + 4, *path = strchr(text, ' ') + 1;
  size_t left = strlen(body);
  r->bytes = malloc(2 * strlen(text) + 4096);
  size_t block = begin_frame(r);
  append_field(r, ":method", 7, text, (size_t)(path - 1 - text));
  append_field(r, ":path", 5, path, strcspn(path, " "));
  append_field(r, ":scheme", 7, "https", 5);
  for (const char *line = strstr(text, "\r\n") + 2; line < blank; line = strstr(line, "\r\n") + 2) {
    size_t name = strcspn(line, ":"), value = strcspn(line, "\r");
    bool is_host = name == 4 && strncasecmp(line, "host", 4) == 0;
    append_field(r, is_host ? ":authority" : line, is_host ? 10 : name, line + name + 2, value - name - 2);
  }
  frame_head(r->bytes + block - FRAME_HEAD, r->length - block, 1, left == 0 ? 5 : 4);
  while (left > 0) {
    size_t n = left < FRAME_BYTES ? left : FRAME_BYTES;
    size_t at = begin_frame(r);
    append(r, body, n);
    body += n;
    left -= n;
    frame_head(r->bytes + at - FRAME_HEAD, n, 0, left == 0 ? 1 : 0);
  }
}

static inline request request_of(char *text, bool is_h2) {
  request r = {0};
  if (strstr(text, "\r\n\r\n") == NULL) request_refuse("not a request");
  if (is_h2) encode_h2(&r, text);
  else r.bytes = text, r.length = strlen(text);
  r.mark_count = places_of(&r, MARK_BLANK, r.marks, MAX_MARKS);
  r.slot_count = places_of(&r, SLOT_BLANK, r.slots, MAX_SLOTS);
  return r;
}

// Makes it a request for, or to, the topic with this number.
static inline void request_address(request *r, uint32_t topic) {
  char digits[16];
  snprintf(digits, sizeof digits, "%06u", topic % 1000000);
  for (int i = 0; i < r->slot_count; i++) memcpy(r->bytes + r->slots[i] + strlen(SLOT_BLANK) - SLOT_DIGITS, digits, SLOT_DIGITS);
}

static inline void request_mark(request *r, int64_t ns, uint32_t number) {
  for (int i = 0; i < r->mark_count; i++) mark_write(r->bytes + r->marks[i], ns, number + (uint32_t)i);
}

static inline void request_stream(request *r, uint32_t stream) {
  char id[4] = {(char)(stream >> 24), (char)(stream >> 16), (char)(stream >> 8), (char)stream};
  for (int i = 0; i < r->frame_count; i++) memcpy(r->bytes + r->frames[i] + 5, id, 4);
}
