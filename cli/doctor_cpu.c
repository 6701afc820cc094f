/* The kernel's list of CPU features, so that no instruction is needed here that only some have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/doctor.h"

struct feature {
    const char *flag, *name, *use;
};

static const struct feature features[] = {
    {"pclmulqdq", "pclmul", "CRC-64/NVME and CRC-32 at memory speed"},
    {"vpclmulqdq", "vpclmul", "the same on wider registers"},
    {"avx2", "avx2", "parity, MD5 of several streams"},
    {"sha_ni", "sha_ni", "SHA-256 of signed payloads"},
    {"aes", "aes", "TLS"},
};

/* "flags : fpu vme ..." of the first CPU ("Features" on Arm), malloc'ed; NULL without. */
static char *read_flags(void)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char *line = NULL;
    size_t cap = 0;

    while (f && getline(&line, &cap, f) > 0) {
        if (strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0) {
            (void)fclose(f);
            line[strcspn(line, "\n")] = ' ';
            return line;
        }
    }
    if (f)
        (void)fclose(f);
    free(line);
    return NULL;
}

static bool has(const char *flags, const char *flag)
{
    char word[40];

    (void)snprintf(word, sizeof word, " %s ", flag);
    return flags && strstr(flags, word);
}

void doctor_cpu(struct doctor *d)
{
    char *flags = read_flags();

    doctor_say(d, "cpus", DOCTOR_OK, NULL, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
        const struct feature *f = &features[i];
        bool is_there = has(flags, f->flag);
        doctor_say(
            d, f->name, is_there ? DOCTOR_OK : DOCTOR_WARN, NULL, "%s%s",
            is_there ? "" : "not in this CPU, slower: ", f->use);
    }
    free(flags);
}
