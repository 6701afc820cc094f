#include "script_help.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct conn {
    struct script *script;
    int fd;
};

/* One head, and the body its Content-Length announces. False: the client is gone. */
static bool read_request(int fd, char *head, size_t cap, size_t *body_out)
{
    size_t len = 0;
    const char *end = NULL, *length;

    while (!end) {
        if (len + 1 >= cap || recv(fd, head + len, 1, 0) != 1)
            return false;
        head[++len] = '\0';
        end = len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0 ? head + len : NULL;
    }
    length = strstr(head, "Content-Length: ");
    size_t left = length ? strtoul(length + 16, NULL, 10) : 0;
    *body_out = left;
    while (left > 0) {
        char scratch[4096];
        ssize_t got = recv(fd, scratch, left < sizeof(scratch) ? left : sizeof(scratch), 0);

        if (got <= 0)
            return false;
        left -= (size_t)got;
    }
    return true;
}

static void send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += sent;
        len -= (size_t)sent;
    }
}

/* "Content-Length: AUTO" becomes the length of what follows the head. */
static void send_answer(int fd, const struct script_step *step)
{
    const char *mark = strstr(step->answer, "AUTO"), *body = strstr(step->answer, "\r\n\r\n");
    char number[24];

    if (!mark || !body) {
        send_all(fd, step->answer, strlen(step->answer));
        return;
    }
    snprintf(number, sizeof(number), "%zu", strlen(body + 4));
    send_all(fd, step->answer, (size_t)(mark - step->answer));
    send_all(fd, number, strlen(number));
    send_all(fd, mark + 4, strlen(mark + 4));
}

static void answer_direct(const struct script *s, int fd)
{
    char text[1024];

    snprintf(
        text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
        s->direct_json ? "200 OK" : "404 Not Found", s->direct_json ? strlen(s->direct_json) : 0,
        s->direct_json ? s->direct_json : "");
    send_all(fd, text, strlen(text));
}

/* False: this connection is over. */
static bool answer(struct script *s, int fd, const char *head, size_t body)
{
    const struct script_step *step = NULL;
    char byte;

    if (strncmp(head, "GET /-/direct ", 14) == 0) {
        answer_direct(s, fd);
        return true;
    }
    pthread_mutex_lock(&s->lock);
    if (s->seen < s->count) {
        step = &s->steps[s->seen];
        snprintf(s->requests[s->seen], SCRIPT_REQUEST_MAX, "%s", head);
        s->bodies[s->seen] = body;
    }
    s->seen++;
    pthread_mutex_unlock(&s->lock);
    if (!step)
        return false; /* more than the script has: the test counts */
    send_answer(fd, step);
    if (step->act == SCRIPT_STALL)
        (void)!recv(fd, &byte, 1, 0);
    return step->act == SCRIPT_ANSWER;
}

static void *conn_main(void *arg)
{
    struct conn *c = arg;
    char *head = malloc(SCRIPT_REQUEST_MAX);
    size_t body;

    while (read_request(c->fd, head, SCRIPT_REQUEST_MAX, &body) &&
           answer(c->script, c->fd, head, body))
        ;
    shutdown(c->fd, SHUT_RDWR);
    free(head);
    free(c);
    return NULL;
}

static void *accept_main(void *arg)
{
    struct script *s = arg;

    for (;;) {
        int fd = accept(s->listen_fd, NULL, NULL);
        struct conn *c = malloc(sizeof(*c));

        if (fd < 0 || s->conn_count == 64) {
            free(c);
            return NULL;
        }
        *c = (struct conn){s, fd};
        s->fds[s->conn_count] = fd;
        pthread_create(&s->conns[s->conn_count++], NULL, conn_main, c);
    }
}

void script_start(struct script *s, const struct script_step *steps, unsigned count)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);

    assert_true(count <= SCRIPT_MAX);
    s->steps = steps;
    s->count = count;
    s->seen = s->conn_count = 0;
    pthread_mutex_init(&s->lock, NULL);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(s->listen_fd, 16), 0);
    assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&a, &len), 0);
    snprintf(s->endpoint, sizeof(s->endpoint), "http://127.0.0.1:%u", ntohs(a.sin_port));
    pthread_create(&s->thread, NULL, accept_main, s);
}

void script_stop(struct script *s)
{
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->conn_count; i++) {
        shutdown(s->fds[i], SHUT_RDWR);
        pthread_join(s->conns[i], NULL);
        close(s->fds[i]);
    }
    close(s->listen_fd);
    pthread_mutex_destroy(&s->lock);
}

bool script_has(struct script *s, unsigned n, const char *text)
{
    pthread_mutex_lock(&s->lock);
    bool has = n < s->seen && strstr(s->requests[n], text);
    pthread_mutex_unlock(&s->lock);
    return has;
}

bool script_header(struct script *s, unsigned n, const char *name, char *to, size_t cap)
{
    char pattern[80];
    const char *at, *end;

    snprintf(pattern, sizeof(pattern), "\r\n%s: ", name);
    pthread_mutex_lock(&s->lock);
    at = n < s->seen ? strstr(s->requests[n], pattern) : NULL;
    end = at ? strstr(at + 2, "\r\n") : NULL;
    if (end) {
        at += strlen(pattern);
        snprintf(to, cap, "%.*s", (int)(end - at), at);
    }
    pthread_mutex_unlock(&s->lock);
    return end != NULL;
}
