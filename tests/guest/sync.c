/* sync.c - changes the files of a folder, for `pwsim exec --sync-out`: see tests/cli_exec.sh. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        perror(path);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1])) {
        puts("nothing to do");
        return 0;
    }
    put("f", "new\n");
    mkdir("made", 0777);
    put("made/g", "in\n");
    unlink("keep/gone");
    rename("same", "moved");
    unlink("link");
    symlink("../f", "made/l");
    symlink("../../out", "made/bad"); /* leads out of the folder */
    rmdir("empty");
    return 0;
}
