/* image_cmd.h - `pwsim image`: build and list boot images. */
#ifndef SIM_IMAGE_CMD_H
#define SIM_IMAGE_CMD_H

#include <stddef.h>

/*
 *   pwsim image build OUT SECTION=FILE...     sections in the order given
 *   pwsim image list [--json] FILE            name, bytes and digest of each
 *
 * argv holds what follows "image". 0 when done; -1 and a message (bad usage or input).
 */
int image_cmd(int argc, char *const *argv, char *err, size_t errlen);

#endif
