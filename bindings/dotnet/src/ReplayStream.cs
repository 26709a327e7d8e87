using System;
using System.IO;
using System.Net.Http;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;

namespace TcAuth
{
    /// <summary>
    /// A response's body whose start is read ahead, for a limited time. A reader then gets all of it: the start, the
    /// rest, and the error if the transfer fails.
    /// </summary>
    internal sealed class ReplayStream : Stream
    {
        private readonly HttpContent content;
        private readonly IDisposable owner;
        private readonly bool byByte;
        private readonly CancellationTokenSource stop = new CancellationTokenSource();
        private Stream source;
        private byte[] buffer = new byte[8192];
        private int position;
        private Task<int> pending; // a read that has not ended; it writes to the buffer from Count on
        private ExceptionDispatchInfo failure;
        private bool complete;

        /// <param name="content">Null counts as empty.</param>
        /// <param name="owner">This is disposed with the stream.</param>
        /// <param name="byByte">Whether to read ahead byte by byte. If a chunked body is followed by an invalid chunk, a
        /// larger read fails and loses the good bytes before it.</param>
        internal ReplayStream(HttpContent content, IDisposable owner, bool byByte = false)
        {
            this.content = content;
            this.owner = owner;
            this.byByte = byByte;
        }

        /// <summary>What was read ahead: the first <see cref="Count"/> bytes.</summary>
        internal byte[] Start => buffer;

        internal int Count { get; private set; }

        /// <summary>Whether the body is complete or its transfer has failed.</summary>
        internal bool Ended => complete || failure != null;

        /// <summary>Whether reading ahead was stopped before the body had ended.</summary>
        internal bool GivenUp => pending != null;

        /// <summary>Why the transfer ended badly; null if it did not.</summary>
        internal Exception Failure => failure?.SourceException;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        /// <summary>
        /// Reads ahead until the body ends, the limit is reached or the deadline has passed. It does not throw. A read
        /// that is running at the deadline continues, so none of its bytes are lost.
        /// </summary>
        internal async Task ReadAheadAsync(int limit, Task deadline)
        {
            while (!Ended && Count < limit)
            {
                if (Count == buffer.Length)
                    Grow((int)Math.Min(2L * Count, limit));
                pending = ReceiveAsync();
                if (!pending.IsCompleted && await Task.WhenAny(pending, deadline).ConfigureAwait(false) != pending)
                    return;
                Receive();
            }
        }

        public override int Read(byte[] target, int offset, int count)
        {
            if (position == Count && pending != null)
            {
                Task.WaitAny(pending); // does not throw its exception
                Receive();
            }
            return TakeStart(target, offset, count, out int read) ? read : source.Read(target, offset, count);
        }

        public override async Task<int> ReadAsync(
            byte[] target, int offset, int count, CancellationToken cancellationToken)
        {
            if (position == Count && pending != null)
            {
                using (var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
                {
                    Task cancelled = Task.Delay(Timeout.Infinite, done.Token);
                    await Task.WhenAny(pending, cancelled).ConfigureAwait(false);
                    done.Cancel();
                }
                if (!pending.IsCompleted)
                    cancellationToken.ThrowIfCancellationRequested();
                Receive();
            }
            return TakeStart(target, offset, count, out int read)
                ? read : await source.ReadAsync(target, offset, count, cancellationToken).ConfigureAwait(false);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        /// <summary>Also wipes what was read ahead, because it may contain a token.</summary>
        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                // Cancels a running read, which closes its connection. Otherwise the runtime could read the rest of the
                // body at the same time, in order to use the connection again.
                stop.Cancel();
                owner?.Dispose();
                byte[] read = buffer;
                Array.Clear(read, 0, read.Length);
                pending?.ContinueWith(
                    task =>
                    {
                        Array.Clear(read, 0, read.Length);
                        return task.Exception; // reading it prevents an UnobservedTaskException event
                    },
                    CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
            base.Dispose(disposing);
        }

        private async Task<int> ReceiveAsync()
        {
            if (source == null)
                source = content == null ? Null : await content.ReadAsStreamAsync().ConfigureAwait(false);
            int size = byByte ? 1 : buffer.Length - Count;
            return await source.ReadAsync(buffer, Count, size, stop.Token).ConfigureAwait(false);
        }

        /// <summary>Takes the result of the pending read, which has ended.</summary>
        private void Receive()
        {
            Task<int> done = pending;
            pending = null;
            try
            {
                int received = done.GetAwaiter().GetResult();
                Count += received;
                complete = received == 0;
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }

        /// <summary>Returns false if the start was read and there is more in the source. After an error the source is
        /// not read again: it might report the end of the body instead of the error.</summary>
        private bool TakeStart(byte[] target, int offset, int count, out int read)
        {
            read = Math.Min(count, Count - position);
            Array.Copy(buffer, position, target, offset, read);
            position += read;
            if (read > 0 || complete)
                return true;
            failure?.Throw();
            return false;
        }

        /// <summary>Like Array.Resize, but wipes the old array.</summary>
        private void Grow(int size)
        {
            var larger = new byte[size];
            Array.Copy(buffer, larger, Count);
            Array.Clear(buffer, 0, Count);
            buffer = larger;
        }
    }
}
