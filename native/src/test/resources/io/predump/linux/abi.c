/* Prints what the C headers say, for AbiTest. Older headers lack PAGEMAP_SCAN: its layout is
   repeated here from include/uapi/linux/fs.h, field by field, and the compiler does the counting. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <signal.h>
#include <linux/userfaultfd.h>
#include <ucontext.h>
#include <elf.h>

struct page_region_ { uint64_t start, end, categories; };
struct pm_scan_arg_ {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct rseq_configuration_ { uint64_t rseq_abi_pointer; uint32_t rseq_abi_size, signature, flags, pad; };

#define V(name, value) printf("%s 0x%lx\n", name, (unsigned long)(value))
#define O(type, field) V(#type "." #field, offsetof(struct type, field))
#define S(type) V(#type, sizeof(struct type))
#define C(name) V(#name, name)

int main(void) {
  O(pm_scan_arg_, size); O(pm_scan_arg_, flags); O(pm_scan_arg_, start); O(pm_scan_arg_, end);
  O(pm_scan_arg_, walk_end); O(pm_scan_arg_, vec); O(pm_scan_arg_, vec_len);
  O(pm_scan_arg_, max_pages); O(pm_scan_arg_, category_inverted); O(pm_scan_arg_, category_mask);
  O(pm_scan_arg_, category_anyof_mask); O(pm_scan_arg_, return_mask); S(pm_scan_arg_);
  O(page_region_, start); O(page_region_, end); O(page_region_, categories); S(page_region_);
  V("PAGEMAP_SCAN", _IOWR('f', 16, struct pm_scan_arg_));
  O(uffdio_api, api); O(uffdio_api, features); O(uffdio_api, ioctls); S(uffdio_api);
  O(uffdio_range, start); O(uffdio_range, len); S(uffdio_range);
  O(uffdio_register, range.start); O(uffdio_register, range.len); O(uffdio_register, mode);
  O(uffdio_register, ioctls); S(uffdio_register);
  C(UFFDIO_API); C(UFFDIO_REGISTER); C(UFFDIO_UNREGISTER); C(UFFD_API);
  C(UFFDIO_REGISTER_MODE_WP); C(UFFD_USER_MODE_ONLY);
#define U(field) O(user_regs_struct, field)
  U(r15); U(r14); U(r13); U(r12); U(rbp); U(rbx); U(r11); U(r10); U(r9); U(r8); U(rax); U(rcx);
  U(rdx); U(rsi); U(rdi); U(orig_rax); U(rip); U(cs); U(eflags); U(rsp); U(ss); U(fs_base);
  U(gs_base); U(ds); U(es); U(fs); U(gs); S(user_regs_struct);
#define G(field) O(sigcontext, field)
  G(r8); G(r9); G(r10); G(r11); G(r12); G(r13); G(r14); G(r15); G(rdi); G(rsi); G(rbp); G(rbx);
  G(rdx); G(rax); G(rcx); G(rsp); G(rip); G(eflags); G(cs); G(fpstate);
  V("sigcontext.ss", offsetof(struct sigcontext, __pad0));
  V("ucontext.uc_flags", offsetof(ucontext_t, uc_flags));
  V("ucontext.uc_mcontext", offsetof(ucontext_t, uc_mcontext));
  V("ucontext.uc_sigmask", offsetof(ucontext_t, uc_sigmask));
  V("fpx_sw.extended_size", offsetof(struct _fpx_sw_bytes, extended_size));
  V("fpx_sw.xfeatures", offsetof(struct _fpx_sw_bytes, xstate_bv));
  V("fpx_sw.xstate_size", offsetof(struct _fpx_sw_bytes, xstate_size));
  C(FP_XSTATE_MAGIC1); C(FP_XSTATE_MAGIC2); C(NT_X86_XSTATE);
  O(rseq_configuration_, rseq_abi_pointer); S(rseq_configuration_);
  C(PTRACE_CONT); C(PTRACE_DETACH); C(PTRACE_SYSCALL); C(PTRACE_GETREGSET); C(PTRACE_SETREGSET);
  C(PTRACE_SEIZE); C(PTRACE_INTERRUPT); C(PTRACE_GETSIGMASK); C(PTRACE_SETSIGMASK);
  C(PTRACE_O_TRACESYSGOOD); C(PTRACE_O_SUSPEND_SECCOMP);
  V("PTRACE_EVENT_STOP", 128);
  V("SYSCALL_STOP", SIGTRAP | 0x80);
  C(O_RDONLY); C(O_RDWR); C(O_NONBLOCK); C(O_DIRECT); C(O_DIRECTORY); C(O_CLOEXEC);
  C(SEEK_SET); C(SEEK_END); C(SEEK_DATA); C(SEEK_HOLE);
  C(PROT_NONE); C(PROT_READ); C(PROT_WRITE); C(MAP_PRIVATE); C(MAP_ANONYMOUS); C(MAP_NORESERVE);
  C(MADV_DONTNEED); C(MADV_HUGEPAGE); V("MADV_POPULATE_WRITE", 23);
  C(LOCK_EX); C(LOCK_NB); C(LOCK_UN); C(WNOHANG); C(__WALL);
  C(SYS_close); C(SYS_prctl); C(SYS_gettid); C(SYS_getdents64); C(SYS_userfaultfd); C(SYS_pidfd_open);
  C(SYS_pidfd_getfd); C(SYS_kcmp); C(SYS_setgroups); C(SYS_setfsuid); C(SYS_setfsgid);
  return 0;
}
