#include "server_help.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char direct_mode[16];

/* build/tests/x_test -> build/penstock */
static void binary_path(char *path, size_t cap)
{
    ssize_t len = readlink("/proc/self/exe", path, cap - 1);

    assert_true(len > 0);
    path[len] = '\0';
    for (int i = 0; i < 2; i++)
        *strrchr(path, '/') = '\0';
    snprintf(path + strlen(path), cap - strlen(path), "/penstock");
}

static void child(const char *binary, const struct server_help *h, const char *listen, int output)
{
    char store[96];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv("PENSTOCK_ROOT_USER", SERVER_HELP_KEY, 1);
    setenv("PENSTOCK_ROOT_PASSWORD", SERVER_HELP_SECRET, 1);
    snprintf(store, sizeof(store), "%s/store", h->folder);
    execl(
        binary, binary, "serve", "--listen", listen, "--arena", "128M", "--durability", "relaxed",
        "--reactors", "2", "--direct", direct_mode, store, (char *)NULL);
    _exit(127);
}

/* Reads what it prints up to the line that says where it listens. */
static void await_endpoint(struct server_help *h)
{
    static const char mark[] = "listening on http://";
    char text[8192] = "";
    size_t len = 0;

    for (;;) {
        ssize_t got = read(h->output, text + len, sizeof(text) - 1 - len);

        if (got <= 0)
            fail_msg("the server did not start:\n%s", text);
        len += (size_t)got;
        text[len] = '\0';
        char *at = strstr(text, mark);
        char *end = at ? strpbrk(at + sizeof(mark) - 1, " \n") : NULL;
        if (!end)
            continue;
        *end = '\0';
        snprintf(h->host, sizeof(h->host), "%s", at + sizeof(mark) - 1);
        snprintf(h->endpoint, sizeof(h->endpoint), "http://%s", h->host);
        return;
    }
}

static void start(struct server_help *h, const char *listen)
{
    char binary[512];
    int fds[2];

    binary_path(binary, sizeof(binary));
    if (access(binary, X_OK) != 0) {
        print_message("%s is not built\n", binary);
        skip();
    }
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0)
        child(binary, h, listen, fds[1]);
    close(fds[1]);
    h->output = fds[0];
    await_endpoint(h);
}

void server_help_start(struct server_help *h, const char *direct)
{
    snprintf(direct_mode, sizeof(direct_mode), "%s", direct);
    snprintf(h->folder, sizeof(h->folder), "/tmp/penstock-client-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    start(h, "127.0.0.1:0");
}

static void kill_it(struct server_help *h, int number)
{
    kill(h->pid, number);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
    close(h->output);
}

void server_help_restart(struct server_help *h)
{
    char listen[64];

    kill_it(h, SIGKILL);
    snprintf(listen, sizeof(listen), "%s", h->host);
    start(h, listen);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void server_help_stop(struct server_help *h)
{
    kill_it(h, SIGTERM);
    assert_int_equal(nftw(h->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
