// The kernel's price for the work: one send() to each reader for each event, and nothing else a hub does.
//
// floor PORT
//
// GET opens a stream, POST sends its body to all of them as one frame. No topics, no queue: what a socket cannot take
// is dropped and counted. One JSON object on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 4096
#define MAX_FILES 65536

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char DONE[] = "HTTP/1.1 204 No Content\r\n\r\n";

typedef struct {
  char *bytes; // only until a GET is complete
  size_t length;
} request;

static request requests[MAX_FILES];
static int readers[MAX_FILES], place[MAX_FILES], reader_count, poller, listener;
static uint64_t deliveries, dropped;
static volatile sig_atomic_t is_over;

static void stop(int signal) {
  (void)signal;
  is_over = 1;
}

static void drop(int fd) {
  if (place[fd] > 0) {
    int last = readers[--reader_count];
    readers[place[fd] - 1] = last;
    place[last] = place[fd];
    place[fd] = 0;
  }
  free(requests[fd].bytes);
  requests[fd] = (request){0};
  close(fd);
}

static void fan_out(const char *data, size_t length) {
  char frame[REQUEST_BYTES + 64];
  size_t payload = length + 8;
  int head = snprintf(frame, sizeof frame, "%zx\r\ndata: ", payload);
  memcpy(frame + head, data, length);
  memcpy(frame + head + length, "\n\n\r\n", 4);
  size_t whole = (size_t)head + length + 4;
  for (int i = 0; i < reader_count; i++) {
    if (send(readers[i], frame, whole, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)whole) deliveries++;
    else dropped++;
  }
}

// Steps over one whole request; false when it is not complete.
static int serve(int fd, request *r) {
  r->bytes[r->length] = 0;
  char *blank = strstr(r->bytes, "\r\n\r\n");
  if (blank == NULL) return 0;
  char *body = blank + 4;
  if (strncmp(r->bytes, "GET ", 4) == 0) {
    send(fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL);
    readers[reader_count++] = fd;
    place[fd] = reader_count;
    free(r->bytes);
    *r = (request){0};
    return 0;
  }
  char *field = strcasestr(r->bytes, "\r\ncontent-length:");
  size_t length = field == NULL || field > blank ? 0 : strtoul(field + 17, NULL, 10);
  size_t whole = (size_t)(body - r->bytes) + length;
  if (r->length < whole) return 0;
  fan_out(body, length);
  send(fd, DONE, sizeof DONE - 1, MSG_NOSIGNAL);
  r->length -= whole;
  memmove(r->bytes, r->bytes + whole, r->length);
  return r->length > 0;
}

static void receive(int fd) {
  request *r = &requests[fd];
  if (r->bytes == NULL) r->bytes = malloc(REQUEST_BYTES + 1);
  ssize_t n = recv(fd, r->bytes + r->length, REQUEST_BYTES - r->length, 0);
  if (n <= 0) return drop(fd);
  r->length += (size_t)n;
  while (serve(fd, r)) continue;
}

static void admit(void) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: floor PORT\n"), 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < MAX_FILES ? files.rlim_max : MAX_FILES;
  setrlimit(RLIMIT_NOFILE, &files);
  struct sigaction on_stop = {.sa_handler = stop};
  sigaction(SIGTERM, &on_stop, NULL);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) return perror("floor"), 1;
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  struct epoll_event events[512];
  while (!is_over) {
    int n = epoll_wait(poller, events, 512, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.fd == listener) admit();
      else receive(events[i].data.fd);
    }
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  printf("{\"deliveries\":%llu,\"dropped\":%llu,\"cpuMicrosPerDelivery\":%.3f}\n", (unsigned long long)deliveries,
         (unsigned long long)dropped, deliveries == 0 ? 0 : cpu / (double)deliveries);
}
