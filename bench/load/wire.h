// A connection over which requests are sent: TCP, and with TLS defined also TLS, and HTTP/2 within it.
// The answer is always that of HTTP/1.1: h2.h gives one of HTTP/2 the same form.
#pragma once
#include "request.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef TLS
#include "h2.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#endif

typedef struct {
  int fd;
  // Only of HTTP/2: the stream of the last request is complete.
  bool is_ended;
#ifdef TLS
  SSL *ssl;
  h2_reader *h2;
#endif
} wire;

static struct { bool is_tls, is_h2; } protocol;

#ifndef TLS

static inline void wire_speak(const char *name) {
  if (strcmp(name, "http/1.1") != 0) request_refuse("compiled without TLS");
}
static inline int wire_secure(wire *w) { return (void)w, 1; }
static inline ssize_t wire_recv(wire *w, char *into, size_t size) { return recv(w->fd, into, size, 0); }
static inline void wire_close(wire *w) { close(w->fd), w->fd = -1; }
static inline bool wire_request(wire *w, request *r) {
  return send(w->fd, r->bytes, r->length, MSG_NOSIGNAL) == (ssize_t)r->length;
}

#else

// For a server that does not read.
#define MAX_WRITE_MS 5000

static SSL_CTX *context;

// Of three names: http/1.1 (in clear text), tls (the same within TLS), and h2.
static inline void wire_speak(const char *name) {
  protocol.is_h2 = strcmp(name, "h2") == 0;
  protocol.is_tls = protocol.is_h2 || strcmp(name, "tls") == 0;
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (protocol.is_h2) SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\2h2", 3);
}

static inline bool write_all(wire *w, const char *bytes, size_t length) {
  if (!protocol.is_tls) return send(w->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
  while (length > 0) {
    ERR_clear_error();
    int n = SSL_write(w->ssl, bytes, (int)length);
    if (n > 0) return n == (int)length;
    struct pollfd room = {.fd = w->fd, .events = POLLOUT};
    if (SSL_get_error(w->ssl, n) != SSL_ERROR_WANT_WRITE || poll(&room, 1, MAX_WRITE_MS) <= 0) return false;
  }
  return true;
}

// The handshake on a connected socket. 1: complete. 0: more has to arrive. -1: failed.
static inline int wire_secure(wire *w) {
  if (!protocol.is_tls) return 1;
  if (w->ssl == NULL) {
    w->ssl = SSL_new(context);
    SSL_set_fd(w->ssl, w->fd);
  }
  ERR_clear_error();
  int done = SSL_connect(w->ssl);
  if (done != 1) {
    int why = SSL_get_error(w->ssl, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
    errno = EPROTO;
    return -1;
  }
  fcntl(w->fd, F_SETFL, fcntl(w->fd, F_GETFL) | O_NONBLOCK);
  if (!protocol.is_h2) return 1;
  w->h2 = calloc(1, sizeof(h2_reader));
  return write_all(w, H2_PREFACE, sizeof H2_PREFACE - 1) ? 1 : -1;
}

static inline bool wire_request(wire *w, request *r) {
  if (protocol.is_h2) {
    request_stream(r, h2_next(w->h2));
    w->is_ended = false;
  }
  return write_all(w, r->bytes, r->length);
}

static inline ssize_t recv_tls(wire *w, char *into, size_t size) {
  size_t got = 0;
  while (got < size) {
    ERR_clear_error();
    int n = SSL_read(w->ssl, into + got, (int)(size - got));
    if (n > 0) {
      got += (size_t)n;
      continue;
    }
    if (got > 0) break;
    if (SSL_get_error(w->ssl, n) != SSL_ERROR_WANT_READ) return 0;
    errno = EAGAIN;
    return -1;
  }
  return (ssize_t)got;
}

// Like recv: everything that has arrived, since none of it may remain where epoll does not see it.
static inline ssize_t wire_recv(wire *w, char *into, size_t size) {
  if (!protocol.is_tls) return recv(w->fd, into, size, 0);
  if (!protocol.is_h2) return recv_tls(w, into, size);
  static char frames[512 * 1024];
  size_t room = h2_room(size);
  ssize_t n = recv_tls(w, frames, room < sizeof frames ? room : sizeof frames);
  if (n <= 0) return n;
  char owed[H2_OWED];
  size_t owed_length = 0;
  n = h2_read(w->h2, frames, (size_t)n, into, owed, &owed_length);
  if (!write_all(w, owed, owed_length) || w->h2->is_reset) return 0;
  w->is_ended = w->h2->is_ended;
  if (n > 0) return n;
  errno = EAGAIN;
  return -1;
}

static inline void wire_close(wire *w) {
  SSL_free(w->ssl);
  free(w->h2);
  close(w->fd);
  *w = (wire){.fd = -1};
}

#endif
