/*
 * The yardstick: how fast verbs alone move bytes here, between two processes.
 *
 *     bare [DEVICE [DEPTH]]     from rxe0 to DEVICE (rxe0), DEPTH (4) transfers in flight
 *
 * One line for each size and direction: `WRITE 1048576 B: 560.1 MB/s`.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "pair.h"
#include "side.h"

enum { MEMORY = 64 << 20, MOVED = 128 << 20, DEPTH_MAX = 16, COUNT_MAX = 2000 };

static void holder(struct pair *p)
{
    struct side side;
    struct side_address mine, other;

    side_open(&side, p->subject, MEMORY, IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
    mine = side_address(&side);
    pair_send(p, &mine, sizeof mine);
    if (pair_receive(p, &other, sizeof other)) {
        side_connect(&side, &other);
        pair_send(p, &mine, sizeof mine);
        while (pair_receive_late(p, &other, sizeof other)) {
        }
    }
    side_close(&side);
}

static const struct pair_role roles[] = {{"holder", holder}, {NULL, NULL}};

static void end_one(struct side *s)
{
    enum ibv_wc_status status = side_wait(s);

    if (status != IBV_WC_SUCCESS)
        errx(1, "%s", ibv_wc_status_str(status));
}

static double mb_per_s(struct side *s, struct side_transfer t, size_t depth)
{
    size_t count = MIN((size_t)MOVED / t.bytes, (size_t)COUNT_MAX);
    uint64_t begin = clock_ns(), remote = t.remote;

    for (size_t i = 0; i < count; i++) {
        t.offset = i % depth * t.bytes;
        t.remote = remote + t.offset;
        if (i >= depth)
            end_one(s);
        side_post(s, &t);
    }
    for (size_t i = 0; i < MIN(depth, count); i++)
        end_one(s);
    return (double)count * t.bytes * 1e3 / (double)(clock_ns() - begin);
}

static void measure(const char *device, size_t depth)
{
    struct side side;
    struct side_address mine, remote;
    struct pair other;

    side_open(&side, "rxe0", MEMORY, 0);
    pair_start(&other, "holder", device);
    if (!pair_receive(&other, &remote, sizeof remote))
        errx(1, "no holder");
    mine = side_address(&side);
    pair_send(&other, &mine, sizeof mine);
    side_connect(&side, &remote);
    if (!pair_receive(&other, &remote, sizeof remote))
        errx(1, "no holder");
    struct side_transfer t = {.remote = remote.at, .rkey = remote.rkey};
    for (t.bytes = 4096; t.bytes * depth <= MEMORY && t.bytes <= 16 << 20; t.bytes *= 4) {
        t.opcode = IBV_WR_RDMA_WRITE;
        printf("WRITE %u B: %.1f MB/s\n", t.bytes, mb_per_s(&side, t, depth));
        t.opcode = IBV_WR_RDMA_READ;
        printf("READ %u B: %.1f MB/s\n", t.bytes, mb_per_s(&side, t, depth));
    }
    pair_stop(&other);
    side_close(&side);
}

int main(int argc, char **argv)
{
    if (pair_is_role(argc, argv, roles))
        return 0;
    int depth = argc > 2 ? atoi(argv[2]) : 4;
    if (argc > 3 || depth < 1 || depth > DEPTH_MAX)
        errx(2, "usage: bare [DEVICE [DEPTH]], DEPTH 1 to %d", DEPTH_MAX);
    setvbuf(stdout, NULL, _IOLBF, 0);
    measure(argc > 1 ? argv[1] : "rxe0", (size_t)depth);
    return 0;
}
