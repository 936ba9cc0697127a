/* sqlite.h - what WASI's C library lacks of what SQLite calls: there is one user, who locks
 * nothing. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
/* clang-format off */
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 5
#define F_SETLK 6
#define fcntl   no_locks
static inline int no_locks(int fd, int what, ...) { return 0; }
static inline uid_t getuid(void) { return 0; }
static inline uid_t geteuid(void) { return 0; }
static inline int chmod(const char *path, mode_t mode) { return 0; }
static inline int fchmod(int fd, mode_t mode) { return 0; }
static inline int fchown(int fd, uid_t user, gid_t group) { return 0; }
