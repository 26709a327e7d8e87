using System;

namespace TcAuth
{
    /// <summary>
    /// A ticket: you were chosen to renew the token, and others wait for you. It lapses after 120 seconds.
    /// GET <see cref="Url"/>, then call <see cref="Complete"/> or <see cref="Cancel"/>, and whatever came of it go on
    /// to sign. It may outlive its <see cref="Auth"/>. Safe for use by several threads: it is given back exactly
    /// once.
    /// </summary>
    public sealed class Renewal : IDisposable
    {
        private readonly RenewalHandle handle;
        private readonly object gate = new object();

        internal Renewal(RenewalHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>
        /// The URL to GET, once, without an Authorization header, on a new connection, following no redirect. It
        /// contains the token, so do not log it.
        /// </summary>
        /// <exception cref="ObjectDisposedException">The ticket was given back.</exception>
        public unsafe string Url
        {
            get
            {
                lock (gate)
                {
                    string url = Native.Read(Native.tc_auth_renewal_url(handle));
                    GC.KeepAlive(handle); // it owns what is read
                    return url;
                }
            }
        }

        /// <summary>
        /// Hands in the server's answer, whatever it is, and gives the ticket back. Whoever waits goes on.
        /// </summary>
        /// <param name="httpStatus">The status of the answer.</param>
        /// <param name="body">Its whole body.</param>
        /// <returns>The server's message, fit for a log, or null if there is none.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.RenewalRefused"/>: nobody tries again until another
        /// token is set. <see cref="Status.RenewalBadResponse"/>: the token stays in use while it is valid, and the
        /// next attempt comes after a pause. Its Detail is the server's message. The ticket is given back all the
        /// same.</exception>
        /// <exception cref="ObjectDisposedException">The ticket was given back before.</exception>
        public string Complete(int httpStatus, byte[] body)
        {
            if (body == null)
                throw new ArgumentNullException(nameof(body));
            Status status = TryComplete(httpStatus, body, body.Length, out string message);
            TcAuthException.ThrowIfFailed(status, message);
            return message;
        }

        /// <summary>The same with the first bytes of a buffer, and without exceptions for what the server
        /// says.</summary>
        internal unsafe Status TryComplete(int httpStatus, byte[] body, int length, out string serverMessage)
        {
            lock (gate)
            {
                if (handle.IsClosed)
                    throw new ObjectDisposedException(nameof(Renewal));
                IntPtr ticket = handle.DangerousGetHandle();
                handle.SetHandleAsInvalid(); // before the call, which frees the ticket: never twice
                byte* message = null;
                Status status;
                fixed (byte* bytes = body)
                    status = Native.tc_auth_renewal_complete(
                        ticket, httpStatus, bytes, (UIntPtr)(uint)length, &message);
                serverMessage = Native.Take(message);
                return status;
            }
        }

        /// <summary>
        /// Gives the ticket back without an answer: the connection failed, or it took too long. The token stays in
        /// use while it is valid, and the next attempt comes after a pause. Does nothing if it was given back before.
        /// </summary>
        public void Cancel()
        {
            lock (gate)
                handle.Dispose();
        }

        /// <summary>The same as <see cref="Cancel"/>.</summary>
        public void Dispose() => Cancel();
    }
}
