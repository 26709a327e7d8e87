using System;

namespace TcAuth
{
    /// <summary>What came of a renewal. Fit for a log.</summary>
    public sealed class RenewalFinishedEventArgs : EventArgs
    {
        internal RenewalFinishedEventArgs(Status? status, string message)
        {
            Status = status;
            Message = message;
        }

        /// <summary><see cref="TcAuth.Status.Ok"/>, or why the server's answer was of no use; null if there was no
        /// answer, or only a part of one.</summary>
        public Status? Status { get; }

        /// <summary>The server's message, or null if it sent none; without an answer, the kind of exception, such as
        /// "IOException", or "TimeoutException" after 30 seconds.</summary>
        public string Message { get; }
    }
}
