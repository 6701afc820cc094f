#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

bool doctor_read_line(const char *path, char *to, unsigned cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t n = read(fd, to, cap - 1);
    (void)close(fd);
    if (n < 0)
        return false;
    to[n] = '\0';
    to[strcspn(to, "\n")] = '\0';
    return true;
}

long long doctor_read_number(const char *path, long long fallback)
{
    char text[64], *end;

    if (!doctor_read_line(path, text, sizeof text))
        return fallback;
    long long n = strtoll(text, &end, 10);
    return end == text ? fallback : n;
}
