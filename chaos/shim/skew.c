// Moves the wall clock of one process and nothing else: only CLOCK_REALTIME reads differ, by an offset and a drift that the harness writes
// into a file this process maps. Monotonic clocks, sleeps and waits stay correct, as on a machine whose clock was set.
//
//   gcc -shared -fPIC -O2 -o libskew.so skew.c -ldl
//   LD_PRELOAD=libskew.so SKEW_FILE=skew.bin program
//
// skew.bin: offset in ns, drift in ppm, CLOCK_MONOTONIC in ns from which the drift counts; three 64-bit little-endian integers.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct skew {
    volatile int64_t offset_ns;
    volatile int64_t ppm;
    volatile int64_t base_monotonic_ns;
};

static const int64_t ns_per_s = 1000000000;
static struct skew *skew;
static int (*true_gettime)(clockid_t, struct timespec *);

static int64_t ns_of(const struct timespec *t) { return (int64_t)t->tv_sec * ns_per_s + t->tv_nsec; }

__attribute__((constructor)) static void init(void) {
    true_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("SKEW_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return;
    }

    void *mapped = mmap(0, sizeof *skew, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) {
        skew = mapped;
    }
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    // A constructor of another library may read the clock before the constructor of this one has run.
    if (!true_gettime) {
        init();
    }

    int result = true_gettime(clock, t);
    if (result == 0 && skew && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)) {
        int64_t moved = ns_of(t) + skew->offset_ns;
        int64_t ppm = skew->ppm;
        if (ppm) {
            struct timespec monotonic;
            true_gettime(CLOCK_MONOTONIC, &monotonic);
            moved += (ns_of(&monotonic) - skew->base_monotonic_ns) / 1000000 * ppm;
        }

        t->tv_sec = moved / ns_per_s;
        t->tv_nsec = moved % ns_per_s;
    }

    return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) {
        *out = now.tv_sec;
    }

    return now.tv_sec;
}
