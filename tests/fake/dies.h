/* SPDX-License-Identifier: MIT
 *
 * Whether a CHECK stops the machine: runs a function in a child process and
 * says if that ended by abort(), as the fake check_failed() does.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool dies(void (*run)(void *), void *argument)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();

    if (child < 0)
        abort();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        run(argument);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
