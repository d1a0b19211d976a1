//! How much memory this process has, and how much more it may take. Knows nothing of training.
//!
//! Read from Linux's own files; elsewhere nothing is known, and nothing is refused.

use std::path::{Path, PathBuf};

/// Bytes that this process may still take: what the machine has left, and what the limits of the
/// process and of its group (a container, a batch job) leave it. `None` where nobody says.
#[must_use]
pub fn available() -> Option<u64> {
    let machine = read("/proc/meminfo").and_then(|text| machine(&text));
    let process = read("/proc/self/limits")
        .zip(read("/proc/self/status"))
        .and_then(|(limits, status)| address_space(&limits, &status));
    let group =
        read("/proc/self/cgroup").and_then(|text| group(&text, Path::new("/sys/fs/cgroup")));
    [machine, process, group].into_iter().flatten().min()
}

/// Bytes this process holds in memory now, and the most it ever held.
#[must_use]
pub fn resident() -> Option<[u64; 2]> {
    let status = read("/proc/self/status")?;
    Some([field(&status, "VmRSS:")?, field(&status, "VmHWM:")?])
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The number of kilobytes after `name`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

/// What can be had without swapping anything out, and the swap that is free.
fn machine(meminfo: &str) -> Option<u64> {
    let swap = field(meminfo, "SwapFree:").unwrap_or(0);
    Some(field(meminfo, "MemAvailable:")? + swap)
}

/// What `ulimit -v` leaves.
fn address_space(limits: &str, status: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(field(status, "VmSize:")?))
}

/// What the control groups of this process leave, the tightest of all levels.
fn group(own: &str, root: &Path) -> Option<u64> {
    own.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let path = path.trim_start_matches('/');
            // Version 2 has one tree without a name; in version 1 memory has its own.
            if controllers.is_empty() {
                left(root, path, ["memory.max", "memory.current"])
            } else if controllers.split(',').any(|name| name == "memory") {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
                left(&root.join("memory"), path, names)
            } else {
                None
            }
        })
        .min()
}

fn left(root: &Path, path: &str, [limit, used]: [&str; 2]) -> Option<u64> {
    let number = |path: PathBuf| -> Option<u64> { read(path)?.trim().parse().ok() };
    root.join(path)
        .ancestors()
        .take_while(|level| level.starts_with(root))
        .filter_map(|level| {
            let limit = number(level.join(limit))?;
            let used = number(level.join(used))?;
            // Files that were read lately count as used, yet give way.
            let stat = read(level.join("memory.stat")).unwrap_or_default();
            let cached = stat
                .lines()
                .find_map(|line| line.strip_prefix("inactive_file "))
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0);
            Some(limit.saturating_sub(used.saturating_sub(cached)))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nVmSize:\t    1000 kB\nVmHWM:\t 30 kB\nVmRSS:\t 20 kB\n";

    #[test]
    fn kilobytes_are_read_as_bytes() {
        assert_eq!(field(STATUS, "VmRSS:"), Some(20 << 10));
        assert_eq!(field(STATUS, "VmPeak:"), None);
        let meminfo = "MemTotal: 9 kB\nMemAvailable:   5 kB\nSwapFree: 2 kB\n";
        assert_eq!(machine(meminfo), Some(7 << 10));
    }

    #[test]
    fn a_limit_of_the_address_space_counts_what_is_mapped_already() {
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax address space  1034000  unlimited  bytes\n";
        assert_eq!(address_space(limits, STATUS), Some(1_034_000 - 1_024_000));
        let unlimited = "Max address space   unlimited   unlimited  bytes\n";
        assert_eq!(address_space(unlimited, STATUS), None);
    }

    #[test]
    fn the_tightest_group_decides_and_cached_files_give_way() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let write = |dir: &Path, name: &str, text: &str| {
            std::fs::write(dir.join(name), text).unwrap();
        };
        write(&inner, "memory.max", "max\n");
        write(&inner, "memory.current", "10\n");
        let outer = root.path().join("a");
        write(&outer, "memory.max", "100\n");
        write(&outer, "memory.current", "90\n");
        write(&outer, "memory.stat", "anon 50\ninactive_file 30\n");
        assert_eq!(group("0::/a/b\n", root.path()), Some(100 - (90 - 30)));
        assert_eq!(group("0::/elsewhere\n", root.path()), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_memory_and_may_take_more() {
        let [now, most] = resident().unwrap();
        assert!(0 < now && now <= most);
        assert!(available().unwrap() > 0);
    }
}
