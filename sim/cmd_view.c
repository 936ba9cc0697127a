/* cmd_view.c - `pwsim view`: becomes pwsim-view, which is beside the binary (view_main.c). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/beside.h"
#include "sim/cmd.h"

int cmd_view(int argc, char **argv)
{
    char viewer[PATH_MAX];
    (void)argc;
    if (beside_binary("pwsim-view", viewer))
        return cmd_complain("view: cannot tell where the binary is, and pwsim-view beside it");
    execv(viewer, argv);
    return cmd_complain("%s: %s; `make` builds it", viewer, strerror(errno));
}
