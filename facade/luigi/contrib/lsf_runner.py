"""The program that a job of LSF is; see `rumbo.integrations.batch_runner`."""

from rumbo.integrations.batch_runner import do_work_on_compute_node, extract_packages_archive, main

__all__ = ["do_work_on_compute_node", "extract_packages_archive", "main"]

if __name__ == "__main__":
    main()
