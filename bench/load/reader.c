// Opens many event streams and counts the marks in them, with the latency of each.
//
// reader PORT CONNECTIONS STALLED IN_FLIGHT MARKS FIRST PROTOCOL REQUEST
//
// A slot in REQUEST gets the number of the connection, counted from FIRST. PROTOCOL is http/1.1, or one of wire.h if compiled
// with TLS. The first STALLED connections read the response's head and nothing after it. At most IN_FLIGHT connections are
// being opened at a time. One JSON object a line on stdout:
//   {"event":"ready"}      all connections have their head, or have failed
//   {"event":"complete"}   every connection that reads has had MARKS marks (when MARKS > 0)
//   {"event":"reset"}      the answer to `reset` on stdin: counts start over
//   {"event":"report"}     the answer to `report`
// It ends with its stdin.
#define _GNU_SOURCE
#include <sched.h>
#include "body.h"
#include "histogram.h"
#include "mark.h"
#include "wire.h"
#include <sys/epoll.h>
#include <sys/resource.h>

#define HEAD_BYTES 4096
#define READ_BYTES (256 * 1024)
#define PORTS_PER_SOURCE 10000
#define STALLED_RECEIVE_BUFFER 8192
// A proxy may refuse a few of a burst; a peer that refuses one this often does not serve.
#define MAX_TRIES 5

typedef struct {
  wire wire;
  bool is_connected, is_asked, has_head, is_stalled;
  char *head; // only until the head is complete
  uint16_t head_length;
  body_reader body;
  mark_scanner scanner;
  uint32_t marks;
  int tries;
} stream;

static struct { uint64_t deliveries, bytes; int64_t first, last; histogram latency; } seen;
static struct { int port, connections, stalled, in_flight; uint32_t marks, number; } want;
static request asked;
static int poller, opened, pending, ready, failed, retried, closed, stalled_closed, complete;
static bool is_announced;
static int64_t started, arrival;
static stream *streams;
static char buffer[READ_BYTES];

static double ms_since_start(void) { return (double)(now_ns() - started) / 1e6; }

static void found(void *context, int64_t sent) {
  stream *s = context;
  if (seen.deliveries++ == 0) seen.first = arrival;
  seen.last = arrival;
  histogram_record(&seen.latency, arrival - sent);
  if (++s->marks == want.marks && ++complete == want.connections - want.stalled) {
    printf("{\"event\":\"complete\",\"ms\":%.3f}\n", ms_since_start());
  }
}

static void drop(stream *s) {
  wire_close(&s->wire);
  free(s->head);
  s->head = NULL;
  if (!s->has_head) failed++, pending--;
  else if (s->is_stalled) stalled_closed++;
  else closed++;
}

static void fail(stream *s, const char *why) {
  if (failed < 3) fprintf(stderr, "reader: %s: %s\n", why, strerror(errno));
  drop(s);
}

// No TIME_WAIT is left behind, and each 10,000 connections have an address of their own to count ports from.
static void open_stream(stream *s, int index) {
  pending++;
  s->is_stalled = index < want.stalled;
  s->wire.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->wire.fd < 0) return fail(s, "socket");
  int on = 1, small = STALLED_RECEIVE_BUFFER;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(s->wire.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(s->wire.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (s->is_stalled) setsockopt(s->wire.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  uint32_t source = 0x7f000000u | (uint32_t)(getpid() % 200 + 1) << 8 | (uint32_t)(1 + index / PORTS_PER_SOURCE);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)want.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(s->wire.fd, (struct sockaddr *)&from, sizeof from) < 0) return fail(s, "bind");
  if (connect(s->wire.fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return fail(s, "connect");
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP, .data.ptr = s};
  epoll_ctl(poller, EPOLL_CTL_ADD, s->wire.fd, &e);
}

static void send_request(stream *s) {
  s->is_connected = true;
  int is_secure = wire_secure(&s->wire);
  if (is_secure < 0) return fail(s, "TLS");
  if (is_secure > 0) {
    s->is_asked = true;
    request_address(&asked, want.number + (uint32_t)(s - streams));
    if (!wire_request(&s->wire, &asked)) return fail(s, "send");
  }
  struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = s};
  epoll_ctl(poller, EPOLL_CTL_MOD, s->wire.fd, &e);
}

static void take_body(stream *s, const char *p, const char *end) {
  const char *run;
  size_t length;
  while (body_next(&s->body, &p, end, &run, &length)) mark_scan(&s->scanner, run, length, found, s);
}

static void refuse(stream *s) {
  if (++s->tries < MAX_TRIES) {
    wire_close(&s->wire);
    s->is_connected = s->is_asked = false;
    s->head_length = 0;
    pending--;
    retried++;
    open_stream(s, (int)(s - streams));
    return;
  }
  if (failed == 0) fprintf(stderr, "reader: %.*s\n", (int)strcspn(s->head, "\r"), s->head);
  errno = EPROTO;
  fail(s, "not a stream");
}

// True once the head is complete; *p then is at the body.
static bool take_head(stream *s, const char **p, const char *end) {
  if (s->head == NULL) s->head = malloc(HEAD_BYTES + 1);
  while (*p < end && s->head_length < HEAD_BYTES) {
    s->head[s->head_length++] = *(*p)++;
    if (s->head_length < 4 || memcmp(s->head + s->head_length - 4, "\r\n\r\n", 4) != 0) continue;
    s->head[s->head_length] = 0;
    if (strncmp(s->head, "HTTP/1.1 200", 12) != 0) {
      refuse(s);
      return false;
    }
    bool is_chunked = strcasestr(s->head, "\r\ntransfer-encoding: chunked") != NULL;
    s->body.state = is_chunked ? CHUNK_SIZE : BODY_PLAIN;
    s->has_head = true;
    free(s->head);
    s->head = NULL;
    pending--;
    ready++;
    return true;
  }
  if (s->head_length == HEAD_BYTES) errno = EMSGSIZE, fail(s, "head");
  return false;
}

static void receive(stream *s) {
  ssize_t n = wire_recv(&s->wire, buffer, READ_BYTES);
  if (n < 0 && errno == EAGAIN) return s->wire.is_ended ? drop(s) : (void)0;
  if (n <= 0) return s->has_head ? drop(s) : fail(s, "closed before its head");
  arrival = now_ns();
  seen.bytes += (uint64_t)n;
  const char *p = buffer, *end = buffer + n;
  if (!s->has_head && !take_head(s, &p, end)) return;
  take_body(s, p, end);
  if (s->wire.is_ended) return drop(s);
  if (s->is_stalled) {
    struct epoll_event e = {.events = 0, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_MOD, s->wire.fd, &e);
  }
}

static void on_stream(stream *s, uint32_t events) {
  if (s->wire.fd < 0) return;
  if (!s->is_connected) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(s->wire.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return errno = error, fail(s, "connect");
    if (events & EPOLLOUT) send_request(s);
    return;
  }
  if (s->is_stalled && s->has_head) return drop(s);
  if (!s->is_asked) return send_request(s);
  receive(s);
}

static void report(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
  printf("{\"event\":\"report\",\"deliveries\":%llu,\"bytes\":%llu,\"spanMs\":%.3f,\"cpuMs\":%.3f,\"complete\":%d,"
         "\"closed\":%d,\"stalledClosed\":%d,\"latency\":",
         (unsigned long long)seen.deliveries, (unsigned long long)seen.bytes,
         (double)(seen.last - seen.first) / 1e6, cpu, complete, closed, stalled_closed);
  histogram_print(&seen.latency);
  printf("}\n");
}

static void on_command(void) {
  static char line[64];
  static size_t length;
  ssize_t n = read(0, line + length, sizeof line - length);
  if (n <= 0) exit(0);
  length += (size_t)n;
  char *end;
  while ((end = memchr(line, '\n', length)) != NULL) {
    if (strncmp(line, "reset", 5) == 0) {
      memset(&seen, 0, sizeof seen);
      printf("{\"event\":\"reset\"}\n");
    } else if (strncmp(line, "report", 6) == 0) {
      report();
    }
    length -= (size_t)(end + 1 - line);
    memmove(line, end + 1, length);
  }
  if (length == sizeof line) exit(2);
}

static void open_more(void) {
  while (pending < want.in_flight && opened < want.connections) open_stream(&streams[opened], opened), opened++;
  if (is_announced || ready + failed < want.connections) return;
  is_announced = true;
  printf("{\"event\":\"ready\",\"connected\":%d,\"failed\":%d,\"retried\":%d,\"ms\":%.3f}\n", ready, failed, retried, ms_since_start());
}

int main(int argc, char **argv) {
  // Real readers run on other machines: these must not take the server's CPU from it each time that it writes.
  struct sched_param p = {0};
  sched_setscheduler(0, SCHED_BATCH, &p);
  if (argc != 9) return fprintf(stderr, "usage: reader PORT CONNECTIONS STALLED IN_FLIGHT MARKS FIRST PROTOCOL REQUEST\n"), 2;
  want.port = atoi(argv[1]);
  want.connections = atoi(argv[2]);
  want.stalled = atoi(argv[3]);
  want.in_flight = atoi(argv[4]);
  want.marks = (uint32_t)atoi(argv[5]);
  want.number = (uint32_t)atoi(argv[6]);
  wire_speak(argv[7]);
  asked = request_of(argv[8], protocol.is_h2);
  setvbuf(stdout, NULL, _IOLBF, 1 << 20);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  streams = calloc((size_t)want.connections, sizeof(stream));
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event control = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &control);
  started = now_ns();
  struct epoll_event events[512];
  for (;;) {
    open_more();
    int n = epoll_wait(poller, events, 512, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr == NULL) on_command();
      else on_stream(events[i].data.ptr, events[i].events);
    }
  }
}
