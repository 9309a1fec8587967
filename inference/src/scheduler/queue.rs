//! The order in which requests run: the most urgent first, and among those the first to come.

/// Something waiting, with its place in the order.
#[derive(Debug)]
struct Entry<P, J> {
    priority: P,
    job: J,
}

/// Jobs in the order in which they should run. The first one is the one to run now: a job that comes before it
/// preempts it, and it goes on where it was when it is first again.
#[derive(Debug)]
pub(crate) struct Queue<P, J> {
    entries: Vec<Entry<P, J>>,
}

impl<P: Ord + Copy, J> Queue<P, J> {
    /// No jobs.
    pub(crate) fn new() -> Self {
        Queue { entries: Vec::new() }
    }

    /// Puts a job behind all that are at least as urgent.
    pub(crate) fn push(&mut self, priority: P, job: J) {
        let place = self.entries.partition_point(|entry| entry.priority >= priority);
        self.entries.insert(place, Entry { priority, job });
    }

    /// The job to run now.
    pub(crate) fn first(&mut self) -> Option<&mut J> {
        self.entries.first_mut().map(|entry| &mut entry.job)
    }

    /// Takes the job to run now out.
    pub(crate) fn pop(&mut self) -> Option<J> {
        (!self.entries.is_empty()).then(|| self.entries.remove(0).job)
    }

    /// Takes out all jobs for which `wanted` says so, in order.
    pub(crate) fn extract(&mut self, mut wanted: impl FnMut(&J) -> bool) -> Vec<J> {
        self.entries.extract_if(.., |entry| wanted(&entry.job)).map(|entry| entry.job).collect()
    }

    /// All jobs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &J> {
        self.entries.iter().map(|entry| &entry.job)
    }

    /// Number of jobs.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no job.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_come_first_and_equals_in_the_order_of_arrival() {
        let mut queue = Queue::new();
        for (priority, job) in [(1, "a"), (0, "b"), (1, "c"), (2, "d"), (0, "e"), (2, "f")] {
            queue.push(priority, job);
        }
        assert_eq!(queue.extract(|&job| job == "c"), ["c"]);
        assert_eq!(queue.first(), Some(&mut "d"));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["d", "f", "a", "b", "e"]);
    }
}
