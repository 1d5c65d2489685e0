/* The default seccomp profile, as tables.
 *
 * The rule behind them is docker's: what ordinary programs need is allowed; what reaches the whole
 * machine (mounts, modules, clocks, other processes' memory, kernel keys, bpf, perf) is not, unless
 * the container was given the capability that guards it. */
#include "agent/oci/seccomp.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

/* clang-format off */
/* Allowed to every container; names unknown to a kernel or an architecture are ignored by the runtime. */
static const char allowed[] =
        "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 "
        "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
        "clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 "
        "epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat "
        "exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 "
        "fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 "
        "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv "
        "futex_wake futimesat getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
        "getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid "
        "getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid getsockname getsockopt "
        "get_thread_area gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 "
        "inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set "
        "io_setup io_submit ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 "
        "lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise "
        "map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap "
        "mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
        "mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
        "nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc "
        "pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
        "pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom "
        "recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq "
        "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
        "rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max "
        "sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
        "sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
        "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid "
        "setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid "
        "setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address setuid "
        "setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn "
        "socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range "
        "sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime "
        "timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
        "timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat "
        "utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev";

/* Allowed to containers that hold any of the capabilities. */
static const struct {
        uint64_t any_of;
        const char *names;
} guarded[] = {
#define CAP(n) (UINT64_C(1) << (n))
        { CAP(2),           "open_by_handle_at" },                                                  /* DAC_READ_SEARCH */
        { CAP(21),          "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
                            "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
                            "umount umount2 unshare" },                                             /* SYS_ADMIN */
        { CAP(22),          "reboot" },                                                             /* SYS_BOOT */
        { CAP(18),          "chroot" },                                                             /* SYS_CHROOT */
        { CAP(16),          "delete_module init_module finit_module" },                             /* SYS_MODULE */
        { CAP(20),          "acct" },                                                               /* SYS_PACCT */
        { CAP(19),          "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev" },/* SYS_PTRACE */
        { CAP(17),          "iopl ioperm" },                                                        /* SYS_RAWIO */
        { CAP(25),          "settimeofday stime clock_settime clock_settime64" },                   /* SYS_TIME */
        { CAP(26),          "vhangup" },                                                            /* SYS_TTY_CONFIG */
        { CAP(23),          "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },          /* SYS_NICE */
        { CAP(34),          "syslog" },                                                             /* SYSLOG */
        { CAP(39),          "bpf" },                                                                /* BPF */
        { CAP(38),          "perf_event_open" },                                                    /* PERFMON */
};

/* Per architecture: how seccomp names it, its smaller siblings, and calls of its own. */
static const struct {
        const char *go_name;
        const char *families[4];
        const char *names;
} architectures[] = {
        { "amd64",   { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" }, "arch_prctl modify_ldt" },
        { "arm64",   { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" },
          "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls" },
        { "arm",     { "SCMP_ARCH_ARM" },
          "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls" },
        { "riscv64", { "SCMP_ARCH_RISCV64" }, "riscv_flush_icache riscv_hwprobe" },
        { "ppc64le", { "SCMP_ARCH_PPC64LE" }, "sync_file_range2 swapcontext" },
};

/* Execution domains that personality() may choose: Linux, the 32-bit uname, no randomisation and their union; 0xffffffff only asks. */
static const json_int_t personalities[] = { 0x0, 0x0008, 0x20000, 0x20008, 0xffffffff };
/* clang-format on */

enum {
        CLONE_NEW_ANY = 0x7e020000, /* clone() flags that make a namespace */
        FAMILY_VSOCK = 40,          /* reaches the hypervisor past every network namespace */
};

static json_t *name_list(const char *names)
{
        _cleanup_(freep) char *copy = str_copy(names);
        json_t *list = json_array();
        char *save = NULL;

        for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save))
                json_array_append_new(list, json_string(name));
        return list;
}

static void allow(json_t *rules, const char *names)
{
        json_array_append_new(rules, json_pack("{s:o,s:s}", "names", name_list(names), "action",
                                               "SCMP_ACT_ALLOW"));
}

/* Allows the calls when one argument compares so. */
static void allow_when(json_t *rules, const char *names, int index, const char *operator,
                       json_int_t value, json_int_t value_two)
{
        json_array_append_new(rules, json_pack("{s:o,s:s,s:[{s:i,s:I,s:I,s:s}]}", "names",
                                               name_list(names), "action", "SCMP_ACT_ALLOW", "args",
                                               "index", index, "value", value, "valueTwo",
                                               value_two, "op", operator));
}

static void add_conditions(json_t *rules, uint64_t capabilities)
{
        for (size_t i = 0; i < COUNT_OF(personalities); i++)
                allow_when(rules, "personality", 0, "SCMP_CMP_EQ", personalities[i], 0);
        allow_when(rules, "socket", 0, "SCMP_CMP_NE", FAMILY_VSOCK, 0);
        if (capabilities & CAP(21))
                return;
        allow_when(rules, "clone", 0, "SCMP_CMP_MASKED_EQ", CLONE_NEW_ANY, 0);
        /* clone3's flags are out of a filter's sight; ENOSYS makes the C library fall back to
         * clone. */
        json_array_append_new(rules, json_pack("{s:[s],s:s,s:i}", "names", "clone3", "action",
                                               "SCMP_ACT_ERRNO", "errnoRet", ENOSYS));
}

json_t *seccomp_default_profile(uint64_t capabilities, const char *architecture)
{
        json_t *rules, *families;
        size_t at = 0;

        while (at < COUNT_OF(architectures) && strcmp(architectures[at].go_name, architecture) != 0)
                at++;
        if (at == COUNT_OF(architectures))
                return NULL;
        rules = json_array();
        families = json_array();
        for (size_t i = 0; i < 4 && architectures[at].families[i]; i++)
                json_array_append_new(families, json_string(architectures[at].families[i]));
        allow(rules, allowed);
        allow(rules, architectures[at].names);
        for (size_t i = 0; i < COUNT_OF(guarded); i++) {
                if (capabilities & guarded[i].any_of)
                        allow(rules, guarded[i].names);
        }
        add_conditions(rules, capabilities);
        return json_pack("{s:s,s:i,s:o,s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet",
                         EPERM, "architectures", families, "syscalls", rules);
}
