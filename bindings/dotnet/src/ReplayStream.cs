using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace TcAuth
{
    /// <summary>A stream of which the start was read already: it is given once more, and then comes the
    /// rest.</summary>
    internal sealed class ReplayStream : Stream
    {
        private readonly MemoryStream start;
        private readonly Stream rest;
        private readonly IDisposable owner;

        internal ReplayStream(byte[] start, Stream rest, IDisposable owner)
        {
            this.start = new MemoryStream(start);
            this.rest = rest;
            this.owner = owner;
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = start.Read(buffer, offset, count);
            return read > 0 ? read : rest.Read(buffer, offset, count);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            int read = start.Read(buffer, offset, count);
            return read > 0 ? Task.FromResult(read) : rest.ReadAsync(buffer, offset, count, cancellationToken);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                start.Dispose();
                owner.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
