/* RDMA devices are read from /sys and the GPU driver is loaded at run time: neither is linked. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/doctor.h"

static const char infiniband[] = "/sys/class/infiniband";

static bool is_entry(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* Counts GIDs in use and copies the first that is not link-local, if any. */
static unsigned count_gids(const char *port, char *gid_out, unsigned cap)
{
    char path[600], gid[64];
    unsigned count = 0;

    gid_out[0] = '\0';
    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(path, sizeof path, "%s/gids/%u", port, i);
        if (!doctor_read_line(path, gid, sizeof gid))
            continue;
        if (strcmp(gid, "0000:0000:0000:0000:0000:0000:0000:0000") == 0)
            continue;
        count++;
        if (!gid_out[0] || strncmp(gid_out, "fe80:", 5) == 0)
            (void)snprintf(gid_out, cap, "%s", gid);
    }
    return count;
}

static void say_port(struct doctor *d, const char *device, const char *number)
{
    char port[400], path[500], state[40] = "?", rate[60] = "?", layer[40] = "?", gid[64];

    (void)snprintf(port, sizeof port, "%s/%.80s/ports/%.10s", infiniband, device, number);
    (void)snprintf(path, sizeof path, "%s/state", port);
    (void)doctor_read_line(path, state, sizeof state);
    (void)snprintf(path, sizeof path, "%s/rate", port);
    (void)doctor_read_line(path, rate, sizeof rate);
    (void)snprintf(path, sizeof path, "%s/link_layer", port);
    (void)doctor_read_line(path, layer, sizeof layer);
    unsigned gids = count_gids(port, gid, sizeof gid);
    bool is_active = strstr(state, "ACTIVE") != NULL;
    const char *todo = !is_active  ? "bring the link up"
                       : gids == 0 ? "give its network interface an address"
                                   : NULL;
    doctor_say(
        d, "rdma", todo ? DOCTOR_WARN : DOCTOR_OK, todo, "%s port %s: %s, %s, %s, %u GIDs%s%s",
        device, number, state, layer, rate, gids, gids ? ", " : "", gid);
}

static void say_device(struct doctor *d, const char *device)
{
    char path[400];
    struct dirent *e;

    (void)snprintf(path, sizeof path, "%s/%s/ports", infiniband, device);
    DIR *ports = opendir(path);
    while (ports && (e = readdir(ports)))
        if (is_entry(e))
            say_port(d, device, e->d_name);
    if (ports)
        (void)closedir(ports);
}

static void check_rdma(struct doctor *d)
{
    DIR *devices = opendir(infiniband);
    struct dirent *e;
    unsigned count = 0;

    while (devices && (e = readdir(devices))) {
        if (!is_entry(e))
            continue;
        say_device(d, e->d_name);
        count++;
    }
    if (devices)
        (void)closedir(devices);
    if (count == 0)
        doctor_say(
            d, "rdma", DOCTOR_OFF,
            "rdma link add rxe0 type rxe netdev DEVICE makes one in software", "no device in %s",
            infiniband);
    else if (access("/dev/infiniband", R_OK | X_OK) != 0)
        doctor_say(
            d, "rdma", DOCTOR_WARN, "load ib_uverbs; in a container pass /dev/infiniband",
            "/dev/infiniband is missing");
}

/* The few functions of the CUDA driver that are asked. 0 is success. */
typedef int cu_init_fn(unsigned flags);
typedef int cu_count_fn(int *count);
typedef int cu_name_fn(char *name, int len, int device);
typedef int cu_version_fn(int *version);

/* dlsym gives an object pointer; POSIX says it may be a function's. */
#define SYMBOL(library, type, name) ((type *)(uintptr_t)dlsym(library, name))

static void ask_cuda(struct doctor *d, void *cuda)
{
    cu_init_fn *init = SYMBOL(cuda, cu_init_fn, "cuInit");
    cu_count_fn *count = SYMBOL(cuda, cu_count_fn, "cuDeviceGetCount");
    cu_name_fn *get_name = SYMBOL(cuda, cu_name_fn, "cuDeviceGetName");
    cu_version_fn *version = SYMBOL(cuda, cu_version_fn, "cuDriverGetVersion");
    int devices = 0, number = 0;

    int error = init && count && get_name && version ? init(0) : -1;
    if (error == 0)
        error = count(&devices);
    if (error || devices == 0) {
        doctor_say(
            d, "gpu", DOCTOR_OFF, "nvidia-smi says more; in a container pass the devices",
            "libcuda.so.1 finds no device (error %d)", error);
        return;
    }
    (void)version(&number);
    for (int i = 0; i < devices; i++) {
        char name[128] = "?";
        (void)get_name(name, sizeof name - 1, i);
        doctor_say(
            d, "gpu", DOCTOR_OK, NULL, "%s (CUDA %d.%d)", name, number / 1000, number % 1000 / 10);
    }
    bool has_peermem = access("/sys/module/nvidia_peermem", F_OK) == 0;
    doctor_say(
        d, "gpu_rdma", DOCTOR_OK, NULL, "nvidia_peermem is %s; DMA-BUF export is the other way",
        has_peermem ? "loaded" : "not loaded");
}

static void check_gpu(struct doctor *d)
{
    char driver[160] = "";
    void *cuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

    bool has_driver = doctor_read_line("/proc/driver/nvidia/version", driver, sizeof driver);
    if (has_driver)
        doctor_say(d, "gpu_driver", DOCTOR_OK, NULL, "%s", driver);
    if (cuda) {
        ask_cuda(d, cuda);
        (void)dlclose(cuda);
    } else {
        doctor_say(
            d, "gpu", DOCTOR_OFF,
            has_driver ? "install the driver's libcuda.so.1 (in a container: the nvidia runtime)"
                       : NULL,
            has_driver ? "libcuda.so.1 does not load" : "no NVIDIA driver");
    }
}

void doctor_devices(struct doctor *d)
{
    check_rdma(d);
    check_gpu(d);
}
