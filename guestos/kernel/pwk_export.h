/* pwk_export.h - how a kernel call of include/pwk.h is exported. */
#ifndef KERNEL_PWK_EXPORT_H
#define KERNEL_PWK_EXPORT_H

#define PWK_EXPORT(name) __attribute__((export_name("pwk." #name)))

#endif
