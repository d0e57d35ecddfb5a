/* Readers of the revocation feed in one thread, so that their own work is little beside that of the service.

   feed_readers PORT STREAMS POLLS CREDENTIALS POSITION

   Connects to 127.0.0.1, begins after POSITION, and writes "ready" to standard error when each has sent its request.
   When standard input ends, writes three numbers of 64 bits for each record that arrived: the reader, the record's seq,
   and the nanoseconds of the monotonic clock at its arrival. Ends with an error if a reader is refused or loses its
   connection. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 32768, EVENTS = 256 };

struct reader {
    int link, is_stream;
    size_t filled;
    char position[64];
    char buffer[ROOM + 1];
};

struct arrival {
    uint64_t reader, seq, nanoseconds;
};

static const char *credentials;
static struct reader *readers;
static struct arrival *arrivals;
static size_t arrival_count, arrival_room;

static void fail(const char *why, const struct reader *reader) {
    fprintf(stderr, "feed_readers: %s: reader %td: %.200s\n", why, reader ? reader - readers : -1,
            reader ? reader->buffer : strerror(errno));
    exit(1);
}

static void ask(struct reader *reader) {
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "GET /revocations?after=%s%s HTTP/1.1\r\nHost: a\r\nAccept: %s\r\nAuthorization: Basic %s\r\n\r\n",
                        reader->position, reader->is_stream ? "" : "&wait=20",
                        reader->is_stream ? "text/event-stream" : "application/json", credentials);
    if (size >= (int)sizeof text || send(reader->link, text, size, MSG_NOSIGNAL) != size) fail("cannot ask", NULL);
}

static void note(const struct reader *reader, uint64_t seq, uint64_t now) {
    if (arrival_count == arrival_room) {
        arrival_room = arrival_room ? arrival_room * 2 : 1 << 16;
        arrivals = realloc(arrivals, arrival_room * sizeof *arrivals);
        if (!arrivals) fail("no memory", NULL);
    }
    arrivals[arrival_count++] = (struct arrival){reader - readers, seq, now};
}

/* Notes the records in `text` and returns where the first one begins that is not whole, or its end. The last one's
   position is left in `last`, which may be NULL. */
static char *take(const struct reader *reader, char *text, uint64_t now, char *last) {
    static const char mark[] = "\"seq\":\"";
    char *found;
    while ((found = strstr(text, mark))) {
        char *begin = found + sizeof mark - 1, *quote = strchr(begin, '"'), *colon = strchr(begin, ':');
        if (!quote) return found;
        if (!colon || colon > quote || quote - begin > 40) fail("a position that is none", reader);
        note(reader, strtoull(colon + 1, NULL, 10), now);
        if (last) snprintf(last, 64, "%.*s", (int)(quote - begin), begin);
        text = quote;
    }
    return text + strlen(text);
}

/* Drops what lies before `rest`. */
static void keep(struct reader *reader, const char *rest) {
    reader->filled -= rest - reader->buffer;
    memmove(reader->buffer, rest, reader->filled + 1);
}

static void take_events(struct reader *reader, uint64_t now) {
    char *rest = take(reader, reader->buffer, now, NULL);
    /* The mark of the next record may have arrived in part. */
    size_t kept = reader->filled < 8 ? reader->filled : 8;
    char *tail = reader->buffer + reader->filled - kept;
    keep(reader, *rest ? rest : tail);
}

static void take_answers(struct reader *reader, uint64_t now) {
    char *end, *length;
    while ((end = strstr(reader->buffer, "\r\n\r\n"))) {
        length = strcasestr(reader->buffer, "content-length: ");
        if (strncmp(reader->buffer, "HTTP/1.1 200", 12) || !length || length > end) fail("refused", reader);
        char *content = end + 4, *whole = content + strtoul(length + 16, NULL, 10);
        if (whole > reader->buffer + reader->filled) return;
        char after = *whole;
        *whole = 0;
        char last[64] = "", *head = strstr(content, "\"head\":\"");
        take(reader, content, now, last);
        if (!head) fail("no head", reader);
        if (!strstr(content, "\"more\":true")) snprintf(last, sizeof last, "%.*s", (int)strcspn(head + 8, "\""), head + 8);
        strcpy(reader->position, last);
        *whole = after;
        keep(reader, whole);
        ask(reader);
    }
}

static void receive(struct reader *reader) {
    ssize_t size = recv(reader->link, reader->buffer + reader->filled, ROOM - reader->filled, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) fail("the connection is closed", reader);
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    uint64_t now = time.tv_sec * 1000000000ull + time.tv_nsec;
    reader->filled += size;
    reader->buffer[reader->filled] = 0;
    if (!reader->is_stream) return take_answers(reader, now);
    if (!strncmp(reader->buffer, "HTTP/1.1 ", 9) && strncmp(reader->buffer, "HTTP/1.1 200", 12)) fail("refused", reader);
    take_events(reader, now);
}

int main(int count, char **words) {
    if (count != 6) return fprintf(stderr, "usage: feed_readers PORT STREAMS POLLS CREDENTIALS POSITION\n"), 2;
    int streams = atoi(words[2]), all = streams + atoi(words[3]), poll = epoll_create1(0);
    credentials = words[4];
    readers = calloc(all, sizeof *readers);
    if (!readers || poll < 0) fail("cannot begin", NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int at = 0; at < all; at++) {
        struct reader *reader = &readers[at];
        reader->is_stream = at < streams;
        snprintf(reader->position, sizeof reader->position, "%s", words[5]);
        reader->link = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(reader->link, (struct sockaddr *)&address, sizeof address)) fail("cannot connect", NULL);
        ask(reader);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = reader};
        epoll_ctl(poll, EPOLL_CTL_ADD, reader->link, &event);
    }
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, 0, &input)) fail("standard input must be a pipe", NULL);
    fputs("ready\n", stderr);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int at = 0; at < ready; at++) {
            if (events[at].data.ptr) receive(events[at].data.ptr);
            else goto end;
        }
    }
end:
    fwrite(arrivals, sizeof *arrivals, arrival_count, stdout);
    return fflush(stdout) != 0;
}
