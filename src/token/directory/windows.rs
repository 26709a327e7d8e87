//! A directory of Windows.
//!
//! Who may use the files is not checked: that depends on the directory's access control list, which they inherit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf, Prefix};
use std::thread;
use std::time::Duration;

use winapi_util::file::information;

use super::{Open, Version};

/// Opens a link itself, not what it names.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// How often renaming is tried before it fails.
const TRIES: u32 = 50;

pub(super) struct Place(PathBuf);

/// The path of a file in it.
pub(super) type Name = PathBuf;

pub(super) enum Access {
    Read,
    Write,
}

impl Place {
    /// Refuses a directory that is not on a disk of this machine.
    pub(super) fn open(path: &Path) -> io::Result<Place> {
        let path = fs::canonicalize(path)?; // with the server's name, if the drive is one of the network
        let is_local = match path.components().next() {
            Some(Component::Prefix(prefix)) => matches!(prefix.kind(), Prefix::VerbatimDisk(_)),
            _ => false,
        };
        if !is_local || !path.is_dir() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        Ok(Place(path))
    }

    pub(super) fn name(&self, name: String) -> Name {
        self.0.join(name)
    }

    /// Opens a regular file. All files are opened so that another process can rename another one over them.
    pub(super) fn file(&self, name: &Name, access: Access) -> io::Result<File> {
        let mut options = File::options();
        let file = self.open_at(name, options.read(true).write(matches!(access, Access::Write)))?;
        let is_ours = file.metadata()?.is_file() && information(&file)?.number_of_links() <= 1;
        if is_ours { Ok(file) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    pub(super) fn create(&self, name: &Name) -> io::Result<File> {
        self.open_at(name, File::options().read(true).write(true).create_new(true))
    }

    fn open_at(&self, name: &Name, options: &mut OpenOptions) -> io::Result<File> {
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(name)
    }

    /// Of whatever has this name.
    pub(super) fn version(&self, name: &Name) -> io::Result<Version> {
        version_of(&self.open_at(name, File::options().access_mode(0))?)
    }

    /// Tries again for a while: a virus scanner, or another process that reads the file, may have it open.
    pub(super) fn rename(&self, from: &Name, to: &Name) -> io::Result<()> {
        for _ in 0..TRIES {
            if fs::rename(from, to).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        fs::rename(from, to)
    }

    pub(super) fn remove(&self, name: &Name) -> io::Result<()> {
        fs::remove_file(name)
    }

    /// The file system's journal has the rename.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Open for () {}

/// It is closed: NTFS counts how often a file's number was used, in the number itself. Without POSIX semantics, as in Wine,
/// no file can be renamed over one that is open.
pub(super) fn kept_open(_: File) -> Box<dyn Open> {
    Box::new(())
}

pub(super) fn version_of(file: &File) -> io::Result<Version> {
    let information = information(file)?;
    Ok(Version {
        device: information.volume_serial_number(),
        inode: information.file_index(),
        size: information.file_size(),
        modified: information.last_write_time().map_or(0, i128::from),
        changed: information.creation_time().map_or(0, i128::from),
    })
}
