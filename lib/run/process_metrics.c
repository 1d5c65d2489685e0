/* What the kernel knows of this process, as Prometheus names it. */
#include "lib/run/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/version.h"

static void add(struct str *str, const char *name, const char *type, const char *help, double value)
{
        str_addf(str, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name,
                 value);
}

static double cpu_seconds(void)
{
        struct rusage usage;

        if (getrusage(RUSAGE_SELF, &usage) < 0)
                return 0;
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
        FILE *file = fopen("/proc/self/statm", "re");
        long pages = 0;

        if (!file)
                return 0;
        if (fscanf(file, "%*d %ld", &pages) != 1)
                pages = 0;
        fclose(file);
        return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
        DIR *folder = opendir("/proc/self/fd");
        double n = -3; /* ".", "..", and the one that reads */

        if (!folder)
                return 0;
        while (readdir(folder))
                n++;
        closedir(folder);
        return n;
}

void process_metrics(struct str *str)
{
        str_add(str, "# HELP skep_build_info The release.\n# TYPE skep_build_info gauge\n"
                     "skep_build_info{version=\"" SKEP_VERSION "\"} 1\n");
        add(str, "process_cpu_seconds_total", "counter", "CPU time spent.", cpu_seconds());
        add(str, "process_resident_memory_bytes", "gauge", "Memory resident.", resident_bytes());
        add(str, "process_open_fds", "gauge", "Descriptors open.", open_descriptors());
}
