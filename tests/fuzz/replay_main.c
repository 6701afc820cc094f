/*
 * Runs a fuzz target without libFuzzer: `replay SEEDS [ROUNDS]`. Every file in SEEDS as it is, cut
 * short at up to 64 places, then ROUNDS times altered at random (always the same way). Part of the
 * ordinary test run, so that targets keep compiling and holding; it replaces no fuzzer.
 *
 * Each input lies in memory of its own size, for the address sanitizer. When the target aborts, the
 * input is written to stderr in hex.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"

enum { SEED_BYTES_MAX = 1 << 20, INPUT_BYTES_MAX = SEED_BYTES_MAX + 4096, ROUNDS = 300 };

static uint8_t seed[SEED_BYTES_MAX], input[INPUT_BYTES_MAX];
static size_t seed_len, input_len;
static const char *seed_name = "";

static void tell(int number)
{
    static const char digits[] = "0123456789abcdef";
    char pair[2];

    /* dying already: what can still be written is all that counts */
    (void)!write(2, seed_name, strlen(seed_name));
    (void)!write(2, ", altered: ", 11);
    for (size_t i = 0; i < input_len; i++) {
        pair[0] = digits[input[i] >> 4];
        pair[1] = digits[input[i] & 15];
        (void)!write(2, pair, 2);
    }
    (void)!write(2, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

static void run_input(void)
{
    uint8_t *exact = malloc(input_len ? input_len : 1);

    MUST(exact);
    memcpy(exact, input, input_len);
    (void)LLVMFuzzerTestOneInput(exact, input_len);
    free(exact);
}

static void take_seed(size_t len)
{
    memcpy(input, seed, len);
    input_len = len;
}

static void alter(struct fuzz_dice *d)
{
    static const uint8_t telling[] = "\0\r\n \t%+/;:,=&?\xff-0";
    size_t at = fuzz_roll(d, input_len + 1) - 1, n = fuzz_roll(d, 16), from;

    switch (fuzz_roll(d, 5)) {
    case 1: /* a bit */
        if (at < input_len)
            input[at] ^= (uint8_t)(1 << (fuzz_roll(d, 8) - 1));
        break;
    case 2: /* a byte that means something to some parser */
        if (at < input_len)
            input[at] = telling[fuzz_roll(d, sizeof telling - 1) - 1];
        break;
    case 3: /* a piece out */
        n = MIN(n, input_len - at);
        memmove(input + at, input + at + n, input_len - at - n);
        input_len -= n;
        break;
    case 4: /* a piece twice */
        if (input_len + n > sizeof input || input_len < n)
            break;
        from = fuzz_roll(d, input_len - n + 1) - 1;
        memmove(input + at + n, input + at, input_len - at);
        memmove(input + at, input + from, n);
        input_len += n;
        break;
    default: /* the end off */
        input_len = at;
    }
}

static void run_seed(const char *path, unsigned rounds)
{
    struct fuzz_dice d = fuzz_dice(1);
    FILE *f = fopen(path, "rb");

    MUST(f);
    seed_name = path;
    seed_len = fread(seed, 1, sizeof seed, f);
    fclose(f);
    take_seed(seed_len);
    run_input();
    for (size_t cut = 0; cut < seed_len; cut += seed_len / 64 + 1) {
        take_seed(cut);
        run_input();
    }
    for (unsigned i = 0; i < rounds; i++) {
        take_seed(seed_len);
        for (size_t n = fuzz_roll(&d, 4); n > 0; n--)
            alter(&d);
        run_input();
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : ROUNDS, seeds = 0;
    char path[4096];
    struct dirent *entry;
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;

    MUST(dir);
    signal(SIGABRT, tell);
    signal(SIGSEGV, tell);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        run_seed(path, rounds);
        seeds++;
    }
    closedir(dir);
    MUST(seeds > 0); /* a target without seeds tests nothing */
    return 0;
}
