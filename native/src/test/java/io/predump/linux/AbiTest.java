package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class AbiTest {
  @Test
  void offsetsNumbersAndConstantsAreThoseOfTheCompiler() throws IOException {
    Map<String, Long> ours = new TreeMap<>();
    ours.put("pm_scan_arg_.size", (long) PmScanArg.SIZE);
    ours.put("pm_scan_arg_.flags", (long) PmScanArg.FLAGS);
    ours.put("pm_scan_arg_.start", (long) PmScanArg.START);
    ours.put("pm_scan_arg_.end", (long) PmScanArg.END);
    ours.put("pm_scan_arg_.walk_end", (long) PmScanArg.WALK_END);
    ours.put("pm_scan_arg_.vec", (long) PmScanArg.VEC);
    ours.put("pm_scan_arg_.vec_len", (long) PmScanArg.VEC_LEN);
    ours.put("pm_scan_arg_.max_pages", (long) PmScanArg.MAX_PAGES);
    ours.put("pm_scan_arg_.category_inverted", (long) PmScanArg.CATEGORY_INVERTED);
    ours.put("pm_scan_arg_.category_mask", (long) PmScanArg.CATEGORY_MASK);
    ours.put("pm_scan_arg_.category_anyof_mask", (long) PmScanArg.CATEGORY_ANYOF_MASK);
    ours.put("pm_scan_arg_.return_mask", (long) PmScanArg.RETURN_MASK);
    ours.put("pm_scan_arg_", (long) PmScanArg.BYTES);
    ours.put("page_region_.start", (long) PageRegion.START);
    ours.put("page_region_.end", (long) PageRegion.END);
    ours.put("page_region_.categories", (long) PageRegion.CATEGORIES);
    ours.put("page_region_", (long) PageRegion.BYTES);
    ours.put("PAGEMAP_SCAN", PmScanArg.PAGEMAP_SCAN);
    ours.put("uffdio_api.api", (long) Uffdio.API_API);
    ours.put("uffdio_api.features", (long) Uffdio.API_FEATURES);
    ours.put("uffdio_api.ioctls", (long) Uffdio.API_IOCTLS);
    ours.put("uffdio_api", (long) Uffdio.API_BYTES);
    ours.put("uffdio_range.start", (long) Uffdio.RANGE_START);
    ours.put("uffdio_range.len", (long) Uffdio.RANGE_LEN);
    ours.put("uffdio_range", (long) Uffdio.RANGE_BYTES);
    ours.put("uffdio_register.range.start", (long) Uffdio.REGISTER_START);
    ours.put("uffdio_register.range.len", (long) Uffdio.REGISTER_LEN);
    ours.put("uffdio_register.mode", (long) Uffdio.REGISTER_MODE);
    ours.put("uffdio_register.ioctls", (long) Uffdio.REGISTER_IOCTLS);
    ours.put("uffdio_register", (long) Uffdio.REGISTER_BYTES);
    ours.put("UFFDIO_API", Uffdio.API);
    ours.put("UFFDIO_REGISTER", Uffdio.REGISTER);
    ours.put("UFFDIO_UNREGISTER", Uffdio.UNREGISTER);
    ours.put("UFFD_API", Uffdio.API_VERSION);
    ours.put("UFFDIO_REGISTER_MODE_WP", Uffdio.MODE_WP);
    ours.put("UFFD_USER_MODE_ONLY", (long) Uffdio.USER_MODE_ONLY);
    ours.put("O_RDONLY", (long) LibC.O_RDONLY);
    ours.put("O_RDWR", (long) LibC.O_RDWR);
    ours.put("O_NONBLOCK", (long) LibC.O_NONBLOCK);
    ours.put("O_DIRECT", (long) LibC.O_DIRECT);
    ours.put("O_DIRECTORY", (long) LibC.O_DIRECTORY);
    ours.put("O_CLOEXEC", (long) LibC.O_CLOEXEC);
    ours.put("SEEK_SET", (long) LibC.SEEK_SET);
    ours.put("SEEK_END", (long) LibC.SEEK_END);
    ours.put("SEEK_DATA", (long) LibC.SEEK_DATA);
    ours.put("SEEK_HOLE", (long) LibC.SEEK_HOLE);
    ours.put("PROT_NONE", (long) LibC.PROT_NONE);
    ours.put("PROT_READ", (long) LibC.PROT_READ);
    ours.put("PROT_WRITE", (long) LibC.PROT_WRITE);
    ours.put("MAP_PRIVATE", (long) LibC.MAP_PRIVATE);
    ours.put("MAP_ANONYMOUS", (long) LibC.MAP_ANONYMOUS);
    ours.put("MAP_NORESERVE", (long) LibC.MAP_NORESERVE);
    ours.put("MADV_DONTNEED", (long) LibC.MADV_DONTNEED);
    ours.put("MADV_HUGEPAGE", (long) LibC.MADV_HUGEPAGE);
    ours.put("MADV_POPULATE_WRITE", (long) LibC.MADV_POPULATE_WRITE);
    ours.put("LOCK_EX", (long) LibC.LOCK_EX);
    ours.put("LOCK_NB", (long) LibC.LOCK_NB);
    ours.put("LOCK_UN", (long) LibC.LOCK_UN);
    ours.put("WNOHANG", (long) LibC.WNOHANG);
    ours.put("__WALL", (long) LibC.WALL);
    ours.put("SYS_close", (long) LibC.SYS_CLOSE);
    ours.put("SYS_setgroups", (long) LibC.SYS_SETGROUPS);
    ours.put("SYS_setfsuid", (long) LibC.SYS_SETFSUID);
    ours.put("SYS_setfsgid", (long) LibC.SYS_SETFSGID);
    ours.put("SYS_prctl", (long) LibC.SYS_PRCTL);
    ours.put("SYS_gettid", (long) LibC.SYS_GETTID);
    ours.put("SYS_getdents64", (long) LibC.SYS_GETDENTS64);
    ours.put("SYS_userfaultfd", (long) LibC.SYS_USERFAULTFD);
    ours.put("SYS_kcmp", (long) LibC.SYS_KCMP);
    ours.put("SYS_pidfd_open", (long) LibC.SYS_PIDFD_OPEN);
    ours.put("SYS_pidfd_getfd", (long) LibC.SYS_PIDFD_GETFD);

    Map<String, Long> theirs = CProgram.resource(AbiTest.class, "abi.c").values();
    theirs
        .keySet()
        .removeIf(
            name ->
                name.startsWith("PTRACE_")
                    || name.startsWith("user_regs_struct")
                    || name.startsWith("rseq_configuration_")
                    || name.startsWith("ucontext.")
                    || name.startsWith("sigcontext.")
                    || name.startsWith("fpx_sw.")
                    || name.startsWith("FP_XSTATE_")
                    || name.startsWith("NT_")
                    || name.equals("SYSCALL_STOP"));

    assertThat(ours).isEqualTo(theirs);
  }

  @Test
  void knownNumbersAreThoseOfTheUapi() {
    assertThat(PmScanArg.PAGEMAP_SCAN).isEqualTo(0xc0606610L);
    assertThat(Uffdio.API).isEqualTo(0xc018aa3fL);
    assertThat(Uffdio.REGISTER).isEqualTo(0xc020aa00L);
    assertThat(Uffdio.UNREGISTER).isEqualTo(0x8010aa01L);
    assertThat(Ioctl.none('f', 1)).isEqualTo(0x6601);
    assertThat(Ioctl.write('f', 1, 8)).isEqualTo(0x40086601L);
  }
}
