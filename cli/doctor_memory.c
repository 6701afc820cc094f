#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/doctor.h"
#include "cli/progress.h"

static void check_memory(struct doctor *d)
{
    char text[160], size[24], limit_text[24];
    struct sysinfo info;

    if (sysinfo(&info) != 0)
        return;
    uint64_t all = (uint64_t)info.totalram * info.mem_unit;
    long long limit = doctor_read_number("/sys/fs/cgroup/memory.max", -1);
    progress_size(size, sizeof size, all);
    (void)snprintf(text, sizeof text, "%s", size);
    if (limit > 0 && (uint64_t)limit < all) {
        progress_size(limit_text, sizeof limit_text, (uint64_t)limit);
        doctor_say(
            d, "memory", DOCTOR_WARN, "give --arena: its default counts the machine's memory",
            "%s, but at most %s for this group of processes", size, limit_text);
        return;
    }
    doctor_say(d, "memory", DOCTOR_OK, NULL, "%s", text);
}

static void check_memlock(struct doctor *d)
{
    struct rlimit limit;
    char size[24];

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY) {
        doctor_say(d, "memlock", DOCTOR_OK, NULL, "unlimited");
        return;
    }
    progress_size(size, sizeof size, limit.rlim_cur);
    bool is_root = geteuid() == 0;
    bool is_small = limit.rlim_cur < GIB && !is_root;
    doctor_say(
        d, "memlock", is_small ? DOCTOR_WARN : DOCTOR_OK,
        is_small ? "LimitMEMLOCK=infinity in the unit, or memlock in limits.conf: registered "
                   "buffers of io_uring and RDMA count"
                 : NULL,
        "%s%s", size, is_root ? ", which does not bind root" : "");
}

static void check_thp(struct doctor *d)
{
    char shmem[120] = "", anonymous[120] = "";

    bool is_there = doctor_read_line(
        "/sys/kernel/mm/transparent_hugepage/enabled", anonymous, sizeof anonymous);
    (void)doctor_read_line(
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled", shmem, sizeof shmem);
    bool is_off = !is_there || strstr(anonymous, "[never]");
    bool shmem_is_off = strstr(shmem, "[never]") || strstr(shmem, "[deny]");
    doctor_say(
        d, "huge_pages", is_off || shmem_is_off ? DOCTOR_WARN : DOCTOR_OK,
        is_off         ? "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled"
        : shmem_is_off ? "echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled: shared "
                         "buffers then come in huge pages"
                       : NULL,
        "transparent: %s; shared memory: %s", is_there ? anonymous : "not in this kernel",
        shmem[0] ? shmem : "not in this kernel");
}

static void check_hugetlb(struct doctor *d)
{
    long long total =
        doctor_read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", 0);
    long long unused =
        doctor_read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 0);
    void *at = mmap(
        NULL, 2 * MIB, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);
    bool works = at != MAP_FAILED;

    if (works)
        (void)munmap(at, 2 * MIB);
    doctor_say(
        d, "hugetlb", works ? DOCTOR_OK : DOCTOR_WARN,
        works ? NULL : "sysctl vm.nr_hugepages=N (2 MiB each) for an arena that never splits",
        "%lld pages of 2 MiB reserved, %lld free", total, unused);
}

void doctor_memory(struct doctor *d)
{
    check_memory(d);
    check_memlock(d);
    check_thp(d);
    check_hugetlb(d);
}
