// Posts a request with a fresh mark in it, again and again, over connections that are kept alive.
//
// publisher PORT CONNECTIONS RATE SECONDS COUNT TOPICS PROTOCOL REQUEST
//
// A slot in REQUEST gets the numbers from 0 to TOPICS - 1 in turn. PROTOCOL is http/1.1, or one of wire.h if compiled with TLS.
// RATE > 0: event n is meant to be sent at start + n / RATE, whatever happened before, and its mark says so: a hub that
// holds a publisher up is charged for the time that the events after it wait (no coordinated omission).
// It gives up at twice SECONDS: what was not sent by then counts as not arrived.
// RATE = 0: each connection posts as soon as it has its answer.
// It stops after SECONDS or COUNT events, whichever is first (0: no bound), waits for the answers, and prints
// one JSON object. REQUEST holds blank marks of mark.h: several, if it
// publishes several events at once.
#define _GNU_SOURCE
#include "histogram.h"
#include "mark.h"
#include "wire.h"
#include <sys/epoll.h>
#include <sys/resource.h>

#define ANSWER_BYTES 16384
// A short listen queue would answer a burst of connections after a second, which is not what is asked.
#define CONNECT_PACE_US 2000
#define LAST_ANSWERS_NS 5000000000

typedef struct {
  wire wire;
  bool is_busy;
  int64_t sent;
  size_t length;
  char answer[ANSWER_BYTES + 1];
} line;

static struct { int port, connections; double rate, seconds; int64_t count; uint32_t topics; } want;
static request event;
static line *lines;
static int poller, *idle, idle_count, busy;
static int64_t started, sent, acked, errors, acked_by, last_answer;
static histogram latency;

static void connect_line(line *l) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)want.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  l->wire.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(l->wire.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(l->wire.fd, (struct sockaddr *)&to, sizeof to) < 0) {
    perror("publisher: connect");
    exit(1);
  }
  if (wire_secure(&l->wire) != 1) request_refuse("publisher: TLS failed");
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
  epoll_ctl(poller, EPOLL_CTL_ADD, l->wire.fd, &e);
}

static void reconnect(line *l) {
  wire_close(&l->wire);
  connect_line(l);
}

static void post(line *l, int64_t meant) {
  request_address(&event, (uint32_t)(sent % want.topics));
  request_mark(&event, meant, (uint32_t)(sent++ * event.mark_count));
  l->sent = meant;
  l->length = 0;
  l->is_busy = true;
  busy++;
  if (wire_request(&l->wire, &event)) return;
  reconnect(l);
  if (!wire_request(&l->wire, &event)) {
    perror("publisher: send");
    exit(1);
  }
}

static void settle(line *l, bool is_acked) {
  int64_t now = now_ns();
  if (is_acked) {
    acked++;
    last_answer = now;
    if (now - started <= (int64_t)(want.seconds * 1e9)) acked_by++;
    histogram_record(&latency, now - l->sent);
  } else if (errors++ == 0) {
    fprintf(stderr, "publisher: %.*s\n", 400, l->answer);
  }
  l->is_busy = false;
  busy--;
  idle[idle_count++] = (int)(l - lines);
}

// The length of the whole answer, or 0 when more has to arrive.
static size_t answer_end(line *l) {
  l->answer[l->length] = 0;
  if (protocol.is_h2) return l->wire.is_ended ? l->length : 0;
  char *blank = strstr(l->answer, "\r\n\r\n");
  if (blank == NULL) return 0;
  size_t head = (size_t)(blank - l->answer) + 4;
  char *field = strcasestr(l->answer, "\r\ncontent-length:");
  if (field != NULL && field < blank) {
    size_t whole = head + strtoul(field + 17, NULL, 10);
    return l->length >= whole ? whole : 0;
  }
  field = strcasestr(l->answer, "\r\ntransfer-encoding: chunked");
  if (field == NULL || field > blank) return head;
  char *last = strstr(blank, "\r\n0\r\n\r\n");
  return last == NULL ? 0 : (size_t)(last - l->answer) + 7;
}

static void on_answer(line *l) {
  ssize_t n = wire_recv(&l->wire, l->answer + l->length, ANSWER_BYTES - l->length);
  if (n < 0 && errno == EAGAIN) {
    // The end of a stream may arrive alone.
    if (!l->is_busy || !l->wire.is_ended) return;
    n = 0;
  } else if (n <= 0) {
    reconnect(l);
    if (l->is_busy) l->answer[l->length] = 0, settle(l, false);
    return;
  }
  l->length += (size_t)n;
  if (!l->is_busy || answer_end(l) == 0) {
    if (l->length == ANSWER_BYTES) settle(l, false), reconnect(l);
    return;
  }
  bool is_closing = strcasestr(l->answer, "\r\nconnection: close") != NULL;
  settle(l, strncmp(l->answer, "HTTP/1.", 7) == 0 && l->answer[9] == '2');
  if (is_closing) reconnect(l);
}

static int64_t meant_at(int64_t n) { return started + (int64_t)((double)n * 1e9 / want.rate); }

static bool is_over(int64_t now) {
  if (want.count > 0 && sent >= want.count) return true;
  if (want.seconds <= 0) return false;
  if (now - started >= (int64_t)(want.seconds * 2e9)) return true;
  return (want.rate > 0 ? meant_at(sent) : now) - started >= (int64_t)(want.seconds * 1e9);
}

// Nanoseconds until there is something to send, or -1 when only an answer can bring it.
static int64_t post_due(void) {
  int64_t now = now_ns();
  while (idle_count > 0 && !is_over(now)) {
    int64_t meant = want.rate > 0 ? meant_at(sent) : now;
    if (meant > now) return meant - now;
    post(&lines[idle[--idle_count]], meant);
    now = now_ns();
  }
  return -1;
}

static void report(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
  double span = want.seconds > 0 ? want.seconds : (double)(last_answer - started) / 1e9;
  printf("{\"sent\":%lld,\"acked\":%lld,\"errors\":%lld,\"unanswered\":%d,\"perSecond\":%.3f,\"cpuMs\":%.3f,\"latency\":",
         (long long)sent, (long long)acked, (long long)errors, busy,
         (double)(want.seconds > 0 ? acked_by : acked) / span, cpu);
  histogram_print(&latency);
  printf("}\n");
}

int main(int argc, char **argv) {
  if (argc != 9) return fprintf(stderr, "usage: publisher PORT CONNECTIONS RATE SECONDS COUNT TOPICS PROTOCOL REQUEST\n"), 2;
  want.port = atoi(argv[1]);
  want.connections = atoi(argv[2]);
  want.rate = atof(argv[3]);
  want.seconds = atof(argv[4]);
  want.count = atoll(argv[5]);
  want.topics = (uint32_t)atoi(argv[6]);
  wire_speak(argv[7]);
  event = request_of(argv[8], protocol.is_h2);
  if (event.mark_count == 0 || want.topics == 0 || (want.seconds <= 0 && want.count <= 0)) request_refuse("publisher: no mark, topic or end");
  poller = epoll_create1(EPOLL_CLOEXEC);
  lines = calloc((size_t)want.connections, sizeof(line));
  idle = calloc((size_t)want.connections, sizeof(int));
  for (int i = 0; i < want.connections; i++) {
    connect_line(&lines[i]);
    usleep(CONNECT_PACE_US);
    idle[idle_count++] = i;
  }
  started = now_ns();
  int64_t ended = 0;
  struct epoll_event events[128];
  for (;;) {
    int64_t wait = post_due();
    int64_t now = now_ns();
    if (is_over(now)) {
      if (ended == 0) ended = now;
      if (busy == 0 || now - ended > LAST_ANSWERS_NS) break;
      wait = 100000000;
    }
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    int n = epoll_pwait2(poller, events, 128, wait < 0 ? NULL : &timeout, NULL);
    for (int i = 0; i < n; i++) on_answer(events[i].data.ptr);
  }
  report();
}
