/* Starting and stopping, each in a process of its own: a stop is for ever. */
#include "unit/capture.h"

#include <poll.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/service.h"

static bool loop;

static const struct opt options[] = {
    {.flag = "test-loop",
     .type = OPT_BOOL,
     .value = &loop,
     .help = "again and again"},
    OPTS_END,
};

static struct buf out;

/* Of a child that found all as it should be. */
#define WELL 77

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void init(const char *argument)
{
    char *argv[] = {(char[]){"nexus-test"}, (char *)(uintptr_t)argument, NULL};
    service_init("nexus-test", "is tested", options, argument != NULL ? 2 : 1,
                 argv);
}

/* How a child ends that does this; what it prints to fd goes to out. */
static int exit_status(void (*fn)(void), int fd)
{
    struct capture c = capture_begin(fd);
    pid_t child = fork();
    if (child == 0) {
        fn();
        exit(100);
    }
    int status = 0;
    waitpid(child, &status, 0);
    capture_end(c, &out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void ask_for_help(void)
{
    init("--help");
}

static void ask_for_version(void)
{
    init("--version");
}

static void say_nonsense(void)
{
    init("--nonsense");
}

static void what_is_asked_for_is_printed(void **state)
{
    (void)state;
    assert_int_equal(exit_status(ask_for_help, STDOUT_FILENO), 0);
    assert_contains(buf_text(&out), "nexus-test: is tested\n");
    assert_contains(buf_text(&out), "--test-loop");
    assert_contains(buf_text(&out), "LOG_LEVEL");
    buf_reset(&out);
    assert_int_equal(exit_status(ask_for_version, STDOUT_FILENO), 0);
    assert_buf(&out, "nexus-test " NEXUS_VERSION "\n");
}

static void a_refusal_is_one_line_and_status_2(void **state)
{
    (void)state;
    assert_int_equal(exit_status(say_nonsense, STDERR_FILENO), 2);
    assert_buf(&out, "nexus-test: unknown option \"--nonsense\": --help lists "
                     "them\n");
}

static void take_options(void)
{
    setenv("LOG_LEVEL", "warn", 1);
    init("--test-loop");
    exit(loop && log_enabled(LOG_WARN) && !log_enabled(LOG_INFO) ? WELL : 1);
}

static void own_and_common_options_are_taken(void **state)
{
    (void)state;
    assert_int_equal(exit_status(take_options, STDERR_FILENO), WELL);
}

static void check_only(void)
{
    init("--check");
    service_checked();
}

static void check_nothing(void)
{
    init(NULL);
    service_checked();
    exit(WELL);
}

static void check_a_bad_setting(void)
{
    setenv("LOG_LEVEL", "loud", 1);
    check_only();
}

static void a_check_ends_before_the_work(void **state)
{
    (void)state;
    assert_int_equal(exit_status(check_only, STDERR_FILENO), 0);
    assert_buf(&out, "");
    assert_int_equal(exit_status(check_nothing, STDERR_FILENO), WELL);
    assert_int_equal(exit_status(check_a_bad_setting, STDERR_FILENO), 2);
    assert_contains(buf_text(&out), "nexus-test: LOG_LEVEL is \"loud\"");
}

static bool stop_is_readable(void)
{
    struct pollfd p = {.fd = service_stop_fd(), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void be_stopped(int signal_number)
{
    init(NULL);
    if (service_stopping() || stop_is_readable() || service_wait_stop(1))
        exit(1);
    if (signal_number > 0)
        raise(signal_number);
    else
        service_stop();
    service_stop(); /* once more does not hurt */
    exit(service_stopping() && stop_is_readable() && service_wait_stop(0) &&
                 service_wait_stop(-1) && stop_is_readable()
             ? WELL
             : 2);
}

static void be_terminated(void)
{
    be_stopped(SIGTERM);
}

static void be_interrupted(void)
{
    be_stopped(SIGINT);
}

static void stop_oneself(void)
{
    be_stopped(0);
}

static void a_stop_comes_from_outside_or_inside(void **state)
{
    (void)state;
    assert_int_equal(exit_status(be_terminated, STDERR_FILENO), WELL);
    assert_int_equal(exit_status(be_interrupted, STDERR_FILENO), WELL);
    assert_int_equal(exit_status(stop_oneself, STDERR_FILENO), WELL);
}

static void wait_for_a_signal(void)
{
    init(NULL);
    pid_t parent = getpid();
    if (fork() == 0) {
        usleep(20000);
        kill(parent, SIGTERM);
        _exit(0);
    }
    exit(service_wait_stop(-1) ? WELL : 1);
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    assert_int_equal(exit_status(wait_for_a_signal, STDERR_FILENO), WELL);
}

static void wait_a_little(void)
{
    init(NULL);
    int64_t start = clock_mono_ns();
    bool stopped = service_wait_stop(20 * NS_PER_MS);
    exit(!stopped && clock_mono_ns() - start >= 20 * NS_PER_MS ? WELL : 1);
}

static void a_wait_without_a_stop_takes_its_time(void **state)
{
    (void)state;
    assert_int_equal(exit_status(wait_a_little, STDERR_FILENO), WELL);
}

static void write_to_nobody(void)
{
    init(NULL);
    int ends[2];
    if (pipe(ends) < 0)
        exit(1);
    close(ends[0]);
    exit(write(ends[1], "x", 1) < 0 ? WELL : 2);
}

static void a_reader_that_left_does_not_end_the_program(void **state)
{
    (void)state;
    assert_int_equal(exit_status(write_to_nobody, STDERR_FILENO), WELL);
}

#define service_test(t) cmocka_unit_test_teardown(t, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(what_is_asked_for_is_printed),
        service_test(a_refusal_is_one_line_and_status_2),
        service_test(own_and_common_options_are_taken),
        service_test(a_check_ends_before_the_work),
        service_test(a_stop_comes_from_outside_or_inside),
        service_test(a_signal_ends_the_wait),
        service_test(a_wait_without_a_stop_takes_its_time),
        service_test(a_reader_that_left_does_not_end_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
